"""Our commands as calls, and what the real ccxt makes of them on the wire."""

from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from alphaforge.errors import InternalError
from alphaforge.model.claims import OrderStatusReport, VenueStatus
from alphaforge.model.commands import CancelOrder, ModifyOrder, SubmitOrder
from alphaforge.model.enums import InstrumentKind, OrderSide, OrderType, TimeInForce
from alphaforge.venues.base import ReplyError
from alphaforge.venues.ccxt_map import (
    CreateCall,
    cancel_call,
    checked,
    create_call,
    kind_of,
    lookup_calls,
    modify_call,
)
from alphaforge.venues.ccxt_profiles import PROFILES, UNSUPPORTED, profile_of
from tests.venues import ccxt_rig

OURS = "af0f3c9a7b21d4e6000003010000002a"
SPOT, SWAP, INVERSE = "BTC/USDT", "BTC/USDT:USDT", "BTC/USD:BTC"


def submit(order_type: OrderType = OrderType.LIMIT, **terms: Any) -> SubmitOrder:
    """A new order with the prices that its type needs."""
    given_terms: dict[str, Any] = {
        "order_id": "o-000001", "symbol": SPOT, "strategy": "s", "side": OrderSide.BUY,
        "order_type": order_type, "quantity": Decimal("0.010"), "client_order_id": OURS,
    }  # fmt: skip
    if order_type in {OrderType.LIMIT, OrderType.STOP_LIMIT}:
        given_terms["limit_price"] = Decimal("60000.10")
    if order_type in {OrderType.STOP_MARKET, OrderType.STOP_LIMIT}:
        given_terms["trigger_price"] = Decimal("61000.00")
    return SubmitOrder(**(given_terms | terms))


def call(ccxt_id: str, command: SubmitOrder) -> CreateCall:
    return create_call(command, ccxt_rig.names(ccxt_id))


def why_not(ccxt_id: str, command: SubmitOrder) -> str:
    """With which words an order is refused before anything is sent."""
    with pytest.raises(ReplyError) as raised:
        call(ccxt_id, command)
    assert raised.value.reply == UNSUPPORTED
    assert raised.value.reply in profile_of(ccxt_id).capabilities.refusals
    return str(raised.value)


def wire(ccxt_id: str, command: SubmitOrder) -> dict[str, Any]:
    """The request that ccxt makes of our call."""
    made = call(ccxt_id, command)
    client = ccxt_rig.binance() if ccxt_id == "binance" else ccxt_rig.bybit()
    request: dict[str, Any] = client.create_order_request(
        made.symbol, made.type, made.side, made.amount, made.price, made.params
    )
    return request


class TestWhatGoesOverTheWire:
    def test_a_limit_order(self) -> None:
        sent = wire("binance", submit())
        assert (sent["type"], sent["side"], sent["timeInForce"]) == ("LIMIT", "BUY", "GTC")
        assert (sent["quantity"], sent["price"]) == ("0.01", "60000.1")
        assert sent["newClientOrderId"] == OURS

    def test_a_market_order_is_by_quantity_and_never_by_value(self) -> None:
        sent = wire("binance", submit(OrderType.MARKET))
        assert (sent["type"], sent["quantity"]) == ("MARKET", "0.01")
        assert "quoteOrderQty" not in sent
        assert "price" not in sent

    def test_a_market_buy_at_bybit_says_that_it_is_by_quantity(self) -> None:
        sent = wire("bybit", submit(OrderType.MARKET))
        assert (sent["marketUnit"], sent["qty"]) == ("baseCoin", "0.01")

    @pytest.mark.parametrize(
        ("order_type", "expected"),
        [(OrderType.STOP_MARKET, "STOP_LOSS"), (OrderType.STOP_LIMIT, "STOP_LOSS_LIMIT")],
    )
    def test_a_stop_stays_a_stop(self, order_type: OrderType, expected: str) -> None:
        sent = wire("binance", submit(order_type, side=OrderSide.SELL))
        assert (sent["type"], sent["stopPrice"]) == (expected, "61000")

    @pytest.mark.parametrize(("side", "direction"), [(OrderSide.BUY, 1), (OrderSide.SELL, 2)])
    def test_a_stop_of_a_contract_says_from_where_it_wakes(
        self, side: OrderSide, direction: int
    ) -> None:
        sent = wire("bybit", submit(OrderType.STOP_MARKET, symbol=SWAP, side=side))
        assert (sent["triggerDirection"], sent["triggerPrice"]) == (direction, "61000")
        assert sent["orderType"] == "Market"

    def test_post_only_is_the_venues_own_kind(self) -> None:
        assert wire("binance", submit(post_only=True))["type"] == "LIMIT_MAKER"
        assert wire("bybit", submit(post_only=True))["timeInForce"] == "PostOnly"

    @pytest.mark.parametrize("tif", [TimeInForce.IOC, TimeInForce.FOK])
    @pytest.mark.parametrize("ccxt_id", ["binance", "bybit"])
    def test_a_time_in_force_is_kept(self, ccxt_id: str, tif: TimeInForce) -> None:
        assert wire(ccxt_id, submit(tif=tif))["timeInForce"] == tif.value

    def test_reduce_only_is_said_for_contracts_alone(self) -> None:
        assert wire("bybit", submit(symbol=SWAP, reduce_only=True))["reduceOnly"] is True
        assert "reduceOnly" not in wire("binance", submit(reduce_only=True))
        assert "sideEffectType" not in wire("binance", submit(reduce_only=True))

    def test_ccxt_still_drops_a_decimal_among_the_params(self) -> None:
        sent = ccxt_rig.binance().create_order_request(
            SPOT, "market", "sell", "0.01", None, {"triggerPrice": Decimal(61000)}
        )
        assert sent["type"] == "MARKET"  # a stop that would have sold at once


class TestWhatIsRefused:
    @pytest.mark.parametrize("tif", [TimeInForce.GTD])
    @pytest.mark.parametrize("ccxt_id", sorted(PROFILES))
    def test_a_time_in_force_the_venue_does_not_have(self, ccxt_id: str, tif: TimeInForce) -> None:
        assert "GTD" in why_not(ccxt_id, submit(tif=tif, expires=1))

    @pytest.mark.parametrize("ccxt_id", ["binanceusdm", "okx", "hyperliquid"])
    def test_a_stop_that_would_become_another_order_when_it_wakes(self, ccxt_id: str) -> None:
        assert "STOP_MARKET" in why_not(ccxt_id, submit(OrderType.STOP_MARKET, symbol=SWAP))

    def test_a_spot_stop_whose_side_bybit_would_guess(self) -> None:
        assert "STOP_LIMIT" in why_not("bybit", submit(OrderType.STOP_LIMIT))

    @pytest.mark.parametrize("ccxt_id", ["coinbase", "gate", "bitget"])
    def test_a_market_buy_that_would_be_by_value(self, ccxt_id: str) -> None:
        assert "spend" in why_not(ccxt_id, submit(OrderType.MARKET))
        sell = submit(OrderType.MARKET, side=OrderSide.SELL)
        assert call(ccxt_id, sell).price is None

    def test_fill_or_kill_where_there_is_none(self) -> None:
        assert "FOK" in why_not("hyperliquid", submit(tif=TimeInForce.FOK))

    def test_an_all_or_nothing_market_order(self) -> None:
        assert why_not("binance", submit(OrderType.MARKET, tif=TimeInForce.FOK))

    @pytest.mark.parametrize("tif", [TimeInForce.IOC, TimeInForce.FOK])
    def test_post_only_with_a_time_in_force_that_contradicts_it(self, tif: TimeInForce) -> None:
        assert "post-only" in why_not("binance", submit(post_only=True, tif=tif))

    @pytest.mark.parametrize("order_type", [OrderType.MARKET, OrderType.STOP_LIMIT])
    def test_post_only_of_another_kind(self, order_type: OrderType) -> None:
        assert "post-only" in why_not("binance", submit(order_type, post_only=True))

    @pytest.mark.parametrize("flag", ["post_only", "reduce_only"])
    def test_what_an_unknown_venue_may_not_have(self, flag: str) -> None:
        assert "native" in why_not("bitstamp", submit(symbol=SWAP, **{flag: True}))

    @pytest.mark.parametrize(
        "command",
        [
            submit(limit_price=None),
            submit(OrderType.MARKET, limit_price=Decimal(1)),
            submit(OrderType.STOP_MARKET, trigger_price=None),
            submit(trigger_price=Decimal(1)),
            submit(OrderType.TRAILING_STOP, trail=Decimal(1)),
        ],
    )
    def test_prices_that_do_not_go_with_the_type(self, command: SubmitOrder) -> None:
        assert why_not("binance", command)


COMMANDS = st.builds(
    submit,
    st.sampled_from(OrderType),
    symbol=st.sampled_from([SPOT, SWAP, INVERSE]),
    side=st.sampled_from(OrderSide),
    quantity=st.decimals("0.0000001", 10**9, places=8),
    tif=st.sampled_from(TimeInForce),
    post_only=st.booleans(),
    reduce_only=st.booleans(),
)


class TestLaws:
    @given(command=COMMANDS, ccxt_id=st.sampled_from([*PROFILES, "bitstamp"]))
    def test_an_order_is_sent_as_it_is_or_refused(self, command: SubmitOrder, ccxt_id: str) -> None:
        try:
            made = call(ccxt_id, command)
        except ReplyError as error:
            assert error.reply == UNSUPPORTED  # noqa: PT017 - one of two outcomes
            return
        assert Decimal(made.amount) == command.quantity
        assert (made.price is None) == (command.limit_price is None)
        assert (made.type == "market") == (made.price is None)
        assert all(isinstance(value, str | bool) for value in made.params.values())
        assert ("triggerPrice" in made.params) == (command.trigger_price is not None)
        assert ("postOnly" in made.params) == command.post_only
        is_rule_of_the_account = made.symbol == SPOT
        assert ("reduceOnly" in made.params) == (command.reduce_only and not is_rule_of_the_account)
        assert OURS in {made.params[profile_of(ccxt_id).client_param], OURS}

    @pytest.mark.parametrize("value", [1, 1.5, Decimal(2), None, ["1"], {"a": "1"}, b"b"])
    def test_nothing_but_text_and_flags_goes_to_ccxt(self, value: object) -> None:
        with pytest.raises(InternalError, match="triggerPrice"):
            checked({"triggerPrice": value})

    @pytest.mark.parametrize(
        ("symbol", "kind"),
        [
            (SPOT, InstrumentKind.SPOT),
            (SWAP, InstrumentKind.LINEAR),
            (INVERSE, InstrumentKind.INVERSE),
            ("BTC/USD:BTC-240628", InstrumentKind.INVERSE),
            ("BTC/USDC:USDC-240628", InstrumentKind.LINEAR),
        ],
    )
    def test_the_kind_is_told_by_the_symbol(self, symbol: str, kind: InstrumentKind) -> None:
        assert kind_of(symbol) is kind


NOW = OrderStatusReport(
    symbol=SWAP,
    venue_order_id="28",
    status=VenueStatus.OPEN,
    side=OrderSide.SELL,
    ts=1,
    quantity=Decimal(3),
    limit_price=Decimal(60000),
)


def change(**terms: Any) -> ModifyOrder:
    return ModifyOrder("o-000001", 1, symbol=SWAP, client_order_id=OURS, **terms)


class TestChanges:
    @pytest.mark.parametrize("ccxt_id", ["binance", "kraken", "coinbase", "bitstamp"])
    def test_where_a_change_is_a_new_order_it_is_refused(self, ccxt_id: str) -> None:
        with pytest.raises(ReplyError) as raised:
            modify_call(change(quantity=Decimal(2)), ccxt_rig.names(ccxt_id), NOW)
        assert raised.value.reply == UNSUPPORTED

    def test_new_terms_alone_are_sent_where_that_is_enough(self) -> None:
        made = modify_call(change(quantity=Decimal(2)), ccxt_rig.names("bybit"), None)
        assert (made.id, made.amount, made.price) == (None, "2", None)
        sent = ccxt_rig.bybit().edit_order_request(
            made.id, made.symbol, made.type, made.side, made.amount, made.price, made.params
        )
        assert (sent["orderLinkId"], sent["qty"]) == (OURS, "2")
        assert "price" not in sent
        assert "orderId" not in sent

    def test_a_trigger_is_changed_as_one(self) -> None:
        made = modify_call(change(trigger_price=Decimal("61000.0")), ccxt_rig.names("bybit"), None)
        assert made.params["triggerPrice"] == "61000"

    def test_present_terms_are_repeated_where_they_must_be(self) -> None:
        made = modify_call(change(limit_price=Decimal(61000)), ccxt_rig.names("binanceusdm"), NOW)
        assert (made.id, made.side, made.amount, made.price) == ("28", "sell", "3", "61000")
        assert made.params == {"origClientOrderId": OURS}

    def test_terms_that_must_be_repeated_must_be_known(self) -> None:
        with pytest.raises(ReplyError) as raised:
            modify_call(change(quantity=Decimal(2)), ccxt_rig.names("binanceusdm"), None)
        assert raised.value.reply == UNSUPPORTED


class TestCancels:
    @pytest.mark.parametrize(
        ("ccxt_id", "param"),
        [("binance", "clientOrderId"), ("bybit", "orderLinkId"), ("kucoin", "clientOid")],
    )
    def test_an_order_whose_id_there_is_not_known_is_canceled_by_ours(
        self, ccxt_id: str, param: str
    ) -> None:
        made = cancel_call(CancelOrder("o-1", SPOT, OURS, ""), ccxt_rig.names(ccxt_id))
        assert (made.id, made.params) == (None, {param: OURS})

    def test_bybits_cancel_names_one_id_alone(self) -> None:
        for ids, named in (((OURS, ""), "orderLinkId"), (("", "28"), "orderId")):
            made = cancel_call(CancelOrder("o-1", SPOT, *ids), ccxt_rig.names("bybit"))
            sent = ccxt_rig.bybit().cancel_order_request(made.id, made.symbol, made.params)
            assert {"orderId", "orderLinkId"} & set(sent) == {named}

    def test_the_venues_id_is_preferred(self) -> None:
        made = cancel_call(CancelOrder("o-1", SPOT, OURS, "28"), ccxt_rig.names("binance"))
        assert (made.id, made.params) == ("28", {})

    def test_gate_is_told_our_id_as_it_knows_it(self) -> None:
        made = cancel_call(CancelOrder("o-1", SPOT, OURS, ""), ccxt_rig.names("gate"))
        assert str(made.params["clientOrderId"]).startswith("t-")

    def test_what_can_not_be_named_is_refused(self) -> None:
        with pytest.raises(ReplyError) as raised:
            cancel_call(CancelOrder("o-1", SPOT, OURS, ""), ccxt_rig.names("deribit"))
        assert raised.value.reply == UNSUPPORTED


class TestLookUps:
    @pytest.mark.parametrize("ccxt_id", ["binance", "binanceusdm", "okx", "kucoin", "gate"])
    def test_an_order_is_asked_for_by_our_id(self, ccxt_id: str) -> None:
        names = ccxt_rig.names(ccxt_id)
        (asked,) = lookup_calls(names, SPOT, OURS, "28")
        assert (asked.method, asked.id, asked.is_list) == ("fetch_order", None, False)
        assert list(asked.params.values()) == [names.to_wire(OURS)]

    @pytest.mark.parametrize("ccxt_id", ["okx", "binanceusdm"])
    def test_a_stop_of_somebody_else_is_asked_for_where_stops_are_kept(self, ccxt_id: str) -> None:
        asked = lookup_calls(ccxt_rig.names(ccxt_id), SWAP, "web_1", "28")
        assert [(each.id, each.params.get("trigger", False)) for each in asked] == [
            (None, False),
            ("28", True),
        ]
        assert len(lookup_calls(ccxt_rig.names(ccxt_id), SWAP, OURS, "28")) == 1
        assert len(lookup_calls(ccxt_rig.names(ccxt_id), SWAP, "web_1", "")) == 1

    def test_an_order_of_somebody_else_is_asked_for_by_its_own(self) -> None:
        (asked,) = lookup_calls(ccxt_rig.names("binance"), SPOT, "", "28")
        assert (asked.id, asked.params) == ("28", {})

    @pytest.mark.parametrize(
        ("ids", "params"), [((OURS, ""), {"orderLinkId": OURS}), (("", "28"), {"orderId": "28"})]
    )
    def test_bybit_is_asked_for_open_and_for_closed_ones(
        self, ids: tuple[str, str], params: dict[str, str]
    ) -> None:
        asked = lookup_calls(ccxt_rig.names("bybit"), SPOT, *ids)
        assert [each.method for each in asked] == [
            "fetch_open_orders",
            "fetch_canceled_and_closed_orders",
        ]
        assert all(each.is_list and each.params == params for each in asked)

    @pytest.mark.parametrize("ccxt_id", ["coinbase", "krakenfutures", "deribit", "bitstamp"])
    def test_where_it_can_not_be_asked_for_lists_are_searched(self, ccxt_id: str) -> None:
        asked = lookup_calls(ccxt_rig.names(ccxt_id), SPOT, OURS, "")
        assert [each.method for each in asked] == ["fetch_open_orders", "fetch_closed_orders"]
        assert all(each.is_list and not each.params for each in asked)
