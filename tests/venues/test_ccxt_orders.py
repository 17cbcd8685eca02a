"""Orders, fills, balances and positions, from a venue's own JSON through the real ccxt parser."""

from decimal import Decimal
from typing import Any

import pytest

from alphaforge.model.claims import VenueStatus
from alphaforge.model.enums import Liquidity, OrderSide, OrderType, TimeInForce
from alphaforge.venues.ccxt_map import (
    MalformedError,
    Names,
    answer,
    balances,
    fill,
    order_status,
    positions,
    pushed_fill,
)
from tests.venues import ccxt_rig

OURS = "af0f3c9a7b21d4e6000003010000002a"
MS = 1_700_000_000_123


def binance_order(**changed: object) -> dict[str, object]:
    """An answer of Binance's about an order."""
    return {
        "symbol": "BTCUSDT",
        "orderId": 28,
        "clientOrderId": OURS,
        "price": "60000.00000000",
        "origQty": "1.00000000",
        "executedQty": "0.00000000",
        "cummulativeQuoteQty": "0.00000000",
        "status": "NEW",
        "timeInForce": "GTC",
        "type": "LIMIT",
        "side": "BUY",
        "stopPrice": "0.00000000",
        "time": MS,
        "updateTime": MS,
        "isWorking": True,
        **changed,
    }


def execution_report(**changed: object) -> dict[str, object]:
    """A pushed message of Binance's about an order."""
    return {
        "e": "executionReport", "E": MS + 1, "s": "BTCUSDT", "c": OURS, "S": "BUY", "o": "LIMIT",
        "f": "GTC", "q": "1.00000000", "p": "60000.00000000", "P": "0.00000000", "C": "",
        "x": "NEW", "X": "NEW", "r": "NONE", "i": 28, "l": "0.00000000", "z": "0.00000000",
        "L": "0.00000000", "n": "0", "N": None, "T": MS, "t": -1, "w": True, "m": False, "O": MS,
        "Z": "0.00000000", "Y": "0.00000000", "Q": "0.00000000", **changed,
    }  # fmt: skip


def bybit_order(**changed: object) -> dict[str, object]:
    """A row of Bybit's about an order."""
    return {
        "orderId": "c6f0", "orderLinkId": OURS, "symbol": "BTCUSDT", "price": "60000.0",
        "qty": "1.000", "side": "Sell", "orderStatus": "New", "cumExecQty": "0.000",
        "cumExecValue": "0", "leavesQty": "1.000", "orderType": "Limit", "timeInForce": "GTC",
        "createdTime": str(MS), "updatedTime": str(MS), "reduceOnly": False, "triggerPrice": "",
        "stopOrderType": "", "rejectReason": "EC_NoError", "cancelType": "UNKNOWN",
        "category": "linear", **changed,
    }  # fmt: skip


def at_binance(**changed: object) -> Any:
    return order_status(
        ccxt_rig.binance().parse_order(binance_order(**changed)), ccxt_rig.names("binance")
    )


def at_bybit(**changed: object) -> Any:
    market = ccxt_rig.bybit().market("BTC/USDT:USDT")
    return order_status(
        ccxt_rig.bybit().parse_order(bybit_order(**changed), market), ccxt_rig.names("bybit")
    )


class TestAnOrderAsItStands:
    def test_an_open_order_is_told_with_all_its_terms(self) -> None:
        report = at_binance()
        assert report.status is VenueStatus.OPEN
        assert report.side is OrderSide.BUY
        assert report.order_type is OrderType.LIMIT
        assert report.limit_price == Decimal(60000)
        assert (report.quantity, report.filled) == (Decimal(1), Decimal(0))
        assert (report.venue_order_id, report.client_order_id) == ("28", OURS)
        assert report.ts == MS * 1_000_000
        assert (report.reason, report.account, report.trigger_price) == ("", "main", None)

    def test_its_symbol_is_spelled_as_it_is_here(self) -> None:
        names = ccxt_rig.names("binance", {"btc-usdt": "BTC/USDT"})
        assert (
            order_status(ccxt_rig.binance().parse_order(binance_order()), names).symbol
            == "btc-usdt"
        )

    @pytest.mark.parametrize(
        ("word", "filled", "expected"),
        [
            ("NEW", "0", VenueStatus.OPEN),
            ("PENDING_NEW", "0", VenueStatus.OPEN),
            ("PARTIALLY_FILLED", "0.5", VenueStatus.OPEN),
            ("PENDING_CANCEL", "0", VenueStatus.OPEN),
            ("FILLED", "1", VenueStatus.FILLED),
            ("CANCELED", "0.5", VenueStatus.CANCELED),
            ("EXPIRED", "0.5", VenueStatus.EXPIRED),
            ("EXPIRED_IN_MATCH", "0", VenueStatus.EXPIRED),
            ("REJECTED", "0", VenueStatus.REJECTED),
            ("REJECTED", "0.5", VenueStatus.CANCELED),
        ],
    )
    def test_every_word_of_binances(self, word: str, filled: str, expected: VenueStatus) -> None:
        report = at_binance(status=word, executedQty=filled)
        assert (report.status, report.filled) == (expected, Decimal(filled))

    @pytest.mark.parametrize(
        ("word", "filled", "expected"),
        [
            ("New", "0", VenueStatus.OPEN),
            ("PartiallyFilled", "0.5", VenueStatus.OPEN),
            ("Untriggered", "0", VenueStatus.OPEN),
            ("Filled", "1", VenueStatus.FILLED),
            ("Cancelled", "0", VenueStatus.CANCELED),
            ("PartiallyFilledCanceled", "0.5", VenueStatus.CANCELED),
            ("Deactivated", "0", VenueStatus.CANCELED),
            ("Rejected", "0", VenueStatus.REJECTED),
            ("Rejected", "0.5", VenueStatus.CANCELED),
        ],
    )
    def test_every_word_of_bybits(self, word: str, filled: str, expected: VenueStatus) -> None:
        report = at_bybit(orderStatus=word, cumExecQty=filled)
        assert (report.status, report.filled) == (expected, Decimal(filled))

    def test_what_ccxt_calls_closed_is_not_filled(self) -> None:
        raw = bybit_order(orderStatus="PartiallyFilledCanceled", cumExecQty="0.5")
        assert ccxt_rig.bybit().parse_order(raw)["status"] == "closed"
        assert at_bybit(orderStatus="PartiallyFilledCanceled", cumExecQty="0.5").filled == Decimal(
            "0.5"
        )

    @pytest.mark.parametrize("filled", ["0", "0.5", "0.99999999"])
    def test_a_filled_order_that_is_not_is_not_understood(self, filled: str) -> None:
        with pytest.raises(MalformedError) as raised:
            at_binance(status="FILLED", executedQty=filled)
        assert raised.value.field == "filled"

    @pytest.mark.parametrize("word", ["FINISHED", "TRIGGERED", "S", "new", "CLOSED"])
    def test_a_word_nobody_listed_is_not_understood(self, word: str) -> None:
        with pytest.raises(MalformedError) as raised:
            at_binance(status=word)
        assert raised.value.field == "status"

    def test_a_market_orders_average_is_not_a_limit(self) -> None:
        report = at_binance(
            type="MARKET",
            price="0.00000000",
            status="FILLED",
            executedQty="1",
            cummulativeQuoteQty="59990",
        )
        assert report.order_type is OrderType.MARKET
        assert report.limit_price is None

    @pytest.mark.parametrize(
        ("word", "price", "expected"),
        [
            ("STOP_LOSS", "0.00000000", OrderType.STOP_MARKET),
            ("STOP_LOSS_LIMIT", "61000.0", OrderType.STOP_LIMIT),
        ],
    )
    @pytest.mark.parametrize("is_working", [False, True])
    def test_a_stop_has_a_trigger_and_says_whether_it_woke(
        self, word: str, price: str, expected: OrderType, is_working: bool
    ) -> None:
        report = at_binance(type=word, price=price, stopPrice="61000", isWorking=is_working)
        assert (report.order_type, report.trigger_price) == (expected, Decimal(61000))
        assert report.triggered is is_working

    @pytest.mark.parametrize(("word", "woke"), [("Untriggered", False), ("Triggered", True)])
    def test_bybits_word_says_whether_a_stop_woke(self, word: str, woke: bool) -> None:
        report = at_bybit(orderStatus=word, triggerPrice="61000", stopOrderType="Stop")
        assert report.triggered is woke

    def test_a_plain_order_is_never_triggered(self) -> None:
        assert not at_binance().triggered

    @pytest.mark.parametrize("tif", ["IOC", "FOK"])
    def test_its_time_in_force_is_told(self, tif: str) -> None:
        assert at_binance(timeInForce=tif).tif is TimeInForce(tif)

    def test_why_it_ended_is_told_in_the_venues_words(self) -> None:
        report = at_bybit(orderStatus="Rejected", rejectReason="EC_PostOnlyWillTakeLiquidity")
        assert report.reason == "EC_PostOnlyWillTakeLiquidity"

    @pytest.mark.parametrize(
        ("field", "value"),
        [("filled", "NaN"), ("amount", "-1"), ("amount", "inf"), ("timestamp", 12), ("side", "up")],
    )
    def test_what_can_not_be_is_named(self, field: str, value: object) -> None:
        raw = {**ccxt_rig.binance().parse_order(binance_order()), field: value}
        with pytest.raises(MalformedError, match=field) as raised:
            order_status(raw, ccxt_rig.names("binance"))
        assert raised.value.field == field

    def test_a_quantity_that_is_not_told_is_not_zero(self) -> None:
        raw = {**ccxt_rig.binance().parse_order(binance_order()), "amount": None, "filled": None}
        report = order_status(raw, ccxt_rig.names("binance"))
        assert (report.quantity, report.filled) == (None, None)


OKX_ORDER = {
    "instId": "BTC-USDT", "instType": "SPOT", "ordId": "2", "clOrdId": OURS, "side": "sell",
    "ordType": "limit", "px": "60000", "sz": "1", "accFillSz": "0", "avgPx": "", "state": "live",
    "cTime": str(MS), "uTime": str(MS), "cancelSourceReason": "", "algoId": "",
}  # fmt: skip


class TestOkx:
    @pytest.mark.parametrize(
        ("word", "filled", "expected"),
        [
            ("live", "0", VenueStatus.OPEN),
            ("partially_filled", "0.5", VenueStatus.OPEN),
            ("filled", "1", VenueStatus.FILLED),
            ("canceled", "0.5", VenueStatus.CANCELED),
            ("mmp_canceled", "0", VenueStatus.CANCELED),
            ("order_failed", "0", VenueStatus.REJECTED),
            ("effective", "", VenueStatus.CANCELED),
        ],
    )
    def test_every_word_of_okxs(self, word: str, filled: str, expected: VenueStatus) -> None:
        parsed = ccxt_rig.client("okx").parse_order(
            {**OKX_ORDER, "state": word, "accFillSz": filled}
        )
        report = order_status(parsed, ccxt_rig.names("okx"))
        assert (report.status, report.filled) == (expected, Decimal(filled or 0))
        assert (report.venue_order_id, report.client_order_id) == ("2", OURS)


class TestVenuesWithoutATableOfWords:
    def test_closed_is_filled_only_if_all_of_it_is(self) -> None:
        raw = {
            "id": "1", "symbol": "BTC/USDT", "side": "buy", "status": "closed", "timestamp": MS,
            "type": "limit", "price": "1", "amount": "2", "filled": "2",
        }  # fmt: skip
        names = ccxt_rig.names("kucoin")
        assert order_status(raw, names).status is VenueStatus.FILLED
        for filled in ("1", None):
            with pytest.raises(MalformedError, match="filled"):
                order_status({**raw, "filled": filled}, names)

    @pytest.mark.parametrize("word", ["PENDING_NEW", "QUEUED", "scheduledCancel", "done", "", None])
    def test_a_word_that_ccxt_passes_through_is_not_understood(self, word: str | None) -> None:
        raw = {
            "id": "1", "symbol": "BTC/USDT", "side": "buy", "status": word, "timestamp": MS,
            "type": "limit", "price": "1", "amount": "2", "filled": "0",
        }  # fmt: skip
        with pytest.raises(MalformedError, match="status"):
            order_status(raw, ccxt_rig.names("coinbase"))


class TestPushedOrders:
    @pytest.mark.parametrize(
        ("changed", "expected"),
        [
            ({"x": "NEW", "X": "NEW"}, VenueStatus.OPEN),
            ({"x": "TRADE", "X": "PARTIALLY_FILLED", "z": "0.4"}, VenueStatus.OPEN),
            ({"x": "TRADE", "X": "FILLED", "z": "1.0"}, VenueStatus.FILLED),
            ({"x": "CANCELED", "X": "CANCELED", "c": "web_1", "C": OURS}, VenueStatus.CANCELED),
            ({"x": "EXPIRED", "X": "EXPIRED"}, VenueStatus.EXPIRED),
        ],
    )
    def test_a_pushed_order_is_ours_whatever_the_cancel_called_itself(
        self, changed: dict[str, object], expected: VenueStatus
    ) -> None:
        raw = ccxt_rig.binance().parse_ws_order(execution_report(**changed))
        report = order_status(raw, ccxt_rig.names("binance"))
        assert (report.status, report.client_order_id) == (expected, OURS)
        assert report.venue_order_id == "28"


class TestAnswers:
    def test_an_answer_of_ids_only_says_nothing_of_a_state(self) -> None:
        ids = ccxt_rig.bybit().parse_order({"orderId": "c6f0", "orderLinkId": OURS})
        assert answer(ids, ccxt_rig.names("bybit"), OURS) is None

    def test_a_full_answer_is_a_report(self) -> None:
        report = answer(
            ccxt_rig.binance().parse_order(binance_order()), ccxt_rig.names("binance"), OURS
        )
        assert report is not None
        assert report.status is VenueStatus.OPEN

    def test_an_answer_about_another_order_is_not_understood(self) -> None:
        other = ccxt_rig.bybit().parse_order({"orderId": "c6f0", "orderLinkId": OURS[:-1] + "b"})
        with pytest.raises(MalformedError):
            answer(other, ccxt_rig.names("bybit"), OURS)

    @pytest.mark.parametrize("raw", [None, [], "ok", 0])
    def test_an_answer_that_is_no_order_is_not_understood(self, raw: object) -> None:
        with pytest.raises(MalformedError):
            answer(raw, ccxt_rig.names("bybit"), OURS)


MY_TRADE = {
    "symbol": "BTCUSDT", "id": 77, "orderId": 28, "price": "60000.00000000", "qty": "0.40000000",
    "quoteQty": "24000.0", "commission": "0.00040000", "commissionAsset": "BTC", "time": MS,
    "isBuyer": True, "isMaker": False,
}  # fmt: skip


class TestFills:
    def test_a_pushed_fill_and_a_listed_one_are_the_same(self) -> None:
        market = ccxt_rig.binance().market("BTC/USDT")
        listed = fill(ccxt_rig.binance().parse_trade(MY_TRADE, market), ccxt_rig.names("binance"))
        told = execution_report(
            x="TRADE", X="PARTIALLY_FILLED", l="0.40000000", L="60000.00000000",
            n="0.00040000", N="BTC", t=77, z="0.4",
        )  # fmt: skip
        pushed = pushed_fill(
            ccxt_rig.binance().parse_ws_trade(told, market), ccxt_rig.names("binance")
        )
        for name in ("symbol", "trade_id", "venue_order_id", "side", "quantity", "price", "fee"):
            assert getattr(pushed, name) == getattr(listed, name), name
        for name in ("fee_currency", "liquidity", "ts", "account"):
            assert getattr(pushed, name) == getattr(listed, name), name
        assert listed.fee == Decimal("0.0004")
        assert listed.liquidity is Liquidity.TAKER

    def test_a_fee_that_okx_pushes_with_the_wrong_sign_is_put_right(self) -> None:
        raw = {
            "id": "1", "order": "2", "symbol": "BTC/USDT", "side": "buy", "amount": "1",
            "price": "10", "timestamp": MS, "fee": {"cost": "-0.00001", "currency": "BTC"},
        }  # fmt: skip
        assert pushed_fill(raw, ccxt_rig.names("okx")).fee == Decimal("0.00001")
        assert fill(raw, ccxt_rig.names("okx")).fee == Decimal("-0.00001")
        assert pushed_fill(raw, ccxt_rig.names("binance")).fee == Decimal("-0.00001")

    def test_ccxt_still_pushes_okx_fees_with_the_wrong_sign(self) -> None:
        okx = ccxt_rig.client("okx")
        info = {
            "instId": "BTC-USDT", "ordId": "2", "tradeId": "1", "fillPx": "10", "fillSz": "1",
            "fillTime": str(MS), "fillFee": "-0.00001", "fillFeeCcy": "BTC", "side": "buy",
            "execType": "T", "ordType": "limit", "state": "filled", "accFillSz": "1", "sz": "1",
        }  # fmt: skip
        pushed = okx.order_to_trade({**okx.parse_order(info), "info": info})
        assert Decimal(pushed["fee"]["cost"]) < 0
        listed = okx.parse_trade({**info, "fee": "-0.00001", "feeCcy": "BTC", "ts": str(MS)})
        assert Decimal(listed["fee"]["cost"]) > 0

    @pytest.mark.parametrize("fee", [None, {}, {"cost": None, "currency": "BTC"}])
    def test_a_pushed_trade_without_a_fee_is_to_be_asked_for(self, fee: object) -> None:
        raw = {**ccxt_rig.binance().parse_trade(MY_TRADE), "fee": fee, "fees": []}
        with pytest.raises(MalformedError) as raised:
            pushed_fill(raw, ccxt_rig.names("binance"))
        assert raised.value.field == "fee"
        assert fill(raw, ccxt_rig.names("binance")).fee == 0

    @pytest.mark.parametrize(
        ("symbol", "currency"),
        [("BTC/USDT", "USDT"), ("BTC/USD:BTC", "BTC"), ("BTC/USDC:USDC-240628", "USDC")],
    )
    def test_a_fee_without_a_currency_is_in_the_markets_own(
        self, symbol: str, currency: str
    ) -> None:
        raw = {**ccxt_rig.binance().parse_trade(MY_TRADE), "symbol": symbol, "fees": []}
        raw["fee"] = {"cost": "0.1", "currency": None}
        assert fill(raw, ccxt_rig.names("bybit")).fee_currency == currency

    def test_a_fee_of_nothing_beside_a_real_one_does_not_hide_it(self) -> None:
        raw = {**ccxt_rig.binance().parse_trade(MY_TRADE), "fee": None}
        raw["fees"] = [{"cost": "0", "currency": "GT"}, {"cost": "0.2", "currency": "USDT"}]
        told = fill(raw, ccxt_rig.names("gate"))
        assert (told.fee, told.fee_currency) == (Decimal("0.2"), "USDT")

    @pytest.mark.parametrize("field", ["id", "amount", "price", "side", "timestamp", "symbol"])
    def test_a_fill_that_lacks_what_it_needs_is_not_understood(self, field: str) -> None:
        raw = {
            **ccxt_rig.binance().parse_trade(MY_TRADE, ccxt_rig.binance().market("BTC/USDT")),
            field: None,
        }
        with pytest.raises(MalformedError) as raised:
            fill(raw, ccxt_rig.names("binance"))
        assert raised.value.field == field


class TestTheAccount:
    def test_free_and_locked_are_one_total(self) -> None:
        raw = ccxt_rig.binance().parse_balance_custom(
            {
                "updateTime": MS,
                "balances": [
                    {"asset": "BTC", "free": "0.10000000", "locked": "0.20000000"},
                    {"asset": "USDT", "free": "0.00000000", "locked": "0.00000000"},
                ],
            },
            "spot",
        )
        assert {each.currency: each.total for each in balances(raw)} == {
            "BTC": Decimal("0.3"),
            "USDT": Decimal(0),
        }

    @pytest.mark.parametrize("total", ["NaN", "1e999", [], True])
    def test_a_total_that_is_no_number_is_not_understood(self, total: object) -> None:
        with pytest.raises(MalformedError, match="BTC"):
            balances({"total": {"BTC": total}})

    @pytest.mark.parametrize(
        ("side", "size", "expected"), [("Buy", "0.5", "0.5"), ("Sell", "0.5", "-0.5")]
    )
    def test_a_position_has_the_sign_of_its_side(self, side: str, size: str, expected: str) -> None:
        row = {"symbol": "BTCUSDT", "side": side, "size": size, "avgPrice": "60000"}
        raw = ccxt_rig.bybit().parse_position(row, ccxt_rig.bybit().market("BTC/USDT:USDT"))
        told = positions([raw], ccxt_rig.names("bybit"))
        assert [(each.symbol, each.quantity) for each in told] == [
            ("BTC/USDT:USDT", Decimal(expected))
        ]

    def test_a_flat_position_is_none(self) -> None:
        raw = {"symbol": "BTC/USDT:USDT", "contracts": "0", "side": None}
        assert positions([raw], ccxt_rig.names("bybit")) == ()

    def test_an_account_in_hedge_mode_is_not_understood(self) -> None:
        raw = [
            {"symbol": "BTC/USDT:USDT", "contracts": "1", "side": side}
            for side in ("long", "short")
        ]
        with pytest.raises(MalformedError, match="hedge"):
            positions(raw, ccxt_rig.names("bybit"))


STOP_OF_ANOTHER = {
    "algoId": 3358, "clientAlgoId": "web_1", "algoType": "CONDITIONAL", "orderType": "STOP",
    "symbol": "BTCUSDT", "side": "BUY", "timeInForce": "GTC", "quantity": "0.002",
    "algoStatus": "NEW", "triggerPrice": "61000.00", "price": "62000.00", "reduceOnly": False,
    "createTime": MS, "updateTime": MS, "triggerTime": 0,
}  # fmt: skip


class TestStopsOfOthers:
    """We leave stops to the engine where they would become other orders; a person may not."""

    def test_one_that_sleeps_is_open(self) -> None:
        raw = ccxt_rig.client("binanceusdm").parse_order(STOP_OF_ANOTHER)
        report = order_status({**raw, "symbol": "BTC/USDT:USDT"}, ccxt_rig.names("binanceusdm"))
        assert (report.status, report.order_type) == (VenueStatus.OPEN, OrderType.STOP_LIMIT)
        assert (report.venue_order_id, report.client_order_id) == ("3358", "web_1")

    @pytest.mark.parametrize("word", ["TRIGGERED", "FINISHED"])
    def test_one_that_woke_has_ended_and_what_fills_is_another_order(self, word: str) -> None:
        raw = ccxt_rig.client("binanceusdm").parse_order({**STOP_OF_ANOTHER, "algoStatus": word})
        assert raw["status"] == "closed"
        report = order_status({**raw, "symbol": "BTC/USDT:USDT"}, ccxt_rig.names("binanceusdm"))
        assert (report.status, report.filled) == (VenueStatus.CANCELED, 0)
        assert "woke" in report.reason


def test_hyperliquids_ids_come_back_as_ours() -> None:
    names: Names = ccxt_rig.names("hyperliquid")
    raw = {
        "id": "1", "clientOrderId": f"0x{OURS}", "symbol": "BTC/USDC:USDC", "side": "buy",
        "status": "open", "timestamp": MS, "type": "limit", "price": "1", "amount": "1",
    }  # fmt: skip
    assert order_status(raw, names).client_order_id == OURS


def test_deribits_label_is_our_id() -> None:
    raw = {
        "id": "1", "clientOrderId": None, "symbol": "BTC/USD:BTC", "side": "buy", "price": "1",
        "status": "open", "timestamp": MS, "type": "limit", "amount": "1", "info": {"label": OURS},
    }  # fmt: skip
    assert order_status(raw, ccxt_rig.names("deribit")).client_order_id == OURS
