"""What the built-in exchange wrote on the wire, through the real ccxt parser and our mapping."""

import json
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from alphaforge.errors import VenueError
from alphaforge.model.claims import OrderStatusReport, VenueStatus
from alphaforge.model.enums import OrderType
from alphaforge.venues.base import ReplyError
from alphaforge.venues.ccxt_errors import read_error
from alphaforge.venues.ccxt_map import (
    answer,
    balances,
    bars,
    fill,
    instrument,
    order_status,
    pushed_fill,
    quote,
    trade,
)
from alphaforge.venues.ccxt_profiles import profile_of
from tests.venues import ccxt_rig

FOLDER = Path(__file__).parent / "recorded"
NOW = 1_800_000_000_000_000_000
NAMES = ccxt_rig.names("binance")


def recorded(file: str) -> dict[str, Any]:
    """What was recorded, by name."""
    path = FOLDER / f"{file}_local.json"
    if not path.is_file():
        pytest.skip(f"nothing was recorded of {file}")
    found: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    return found


@pytest.fixture(scope="module")
def told() -> dict[str, Any]:
    return {name: each["raw"] for name, each in recorded("binance").items()}


@pytest.fixture(scope="module")
def client(told: dict[str, Any]) -> ccxt_rig.Client:
    made = ccxt_rig.client("binance")
    made.set_markets([made.parse_market(each) for each in told["rest_exchange_info"]["symbols"]])
    return made


def stands(client: ccxt_rig.Client, raw: object) -> OrderStatusReport:
    return order_status(client.parse_order(raw), NAMES)


class TestOrdersOfBinance:
    @pytest.mark.parametrize(
        ("name", "status", "order_type"),
        [
            ("rest_order_resting", VenueStatus.OPEN, OrderType.LIMIT),
            ("rest_order_partial", VenueStatus.OPEN, OrderType.LIMIT),
            ("rest_order_market", VenueStatus.FILLED, OrderType.MARKET),
            ("rest_order_value", VenueStatus.FILLED, OrderType.MARKET),
            ("rest_order_stop", VenueStatus.OPEN, OrderType.STOP_LIMIT),
            ("rest_order_ioc_expired", VenueStatus.EXPIRED, OrderType.LIMIT),
            ("rest_order_query_partial", VenueStatus.OPEN, OrderType.LIMIT),
            ("rest_order_query_stop", VenueStatus.OPEN, OrderType.STOP_LIMIT),
            ("rest_cancel", VenueStatus.CANCELED, OrderType.LIMIT),
        ],
    )
    def test_every_answer_about_an_order_is_read(
        self,
        client: ccxt_rig.Client,
        told: dict[str, Any],
        name: str,
        status: VenueStatus,
        order_type: OrderType,
    ) -> None:
        report = answer(client.parse_order(told[name]), NAMES)
        assert report is not None
        assert (report.status, report.order_type) == (status, order_type)
        assert report.filled == Decimal(told[name]["executedQty"])
        assert report.venue_order_id == str(told[name]["orderId"])

    def test_a_bare_acknowledgement_says_nothing_of_a_state(
        self, client: ccxt_rig.Client, told: dict[str, Any]
    ) -> None:
        assert answer(client.parse_order(told["rest_order_ack"]), NAMES) is None

    def test_a_canceled_order_is_told_by_its_own_id_not_the_cancels(
        self, client: ccxt_rig.Client, told: dict[str, Any]
    ) -> None:
        raw = told["rest_cancel"]
        assert raw["clientOrderId"] != raw["origClientOrderId"]
        report = answer(client.parse_order(raw), NAMES, raw["origClientOrderId"])
        assert report is not None
        assert report.client_order_id == raw["origClientOrderId"]

    def test_a_listed_order_and_the_one_that_was_asked_for_are_the_same(
        self, client: ccxt_rig.Client, told: dict[str, Any]
    ) -> None:
        listed = [stands(client, each) for each in told["rest_open_orders"]]
        assert stands(client, told["rest_order_query_partial"]) in listed
        assert stands(client, told["rest_order_query_stop"]) in listed
        assert {each.status for each in listed} == {VenueStatus.OPEN}

    def test_every_order_of_the_history_is_read(
        self, client: ccxt_rig.Client, told: dict[str, Any]
    ) -> None:
        found = [stands(client, each) for each in told["rest_all_orders"]]
        assert len(found) > 5
        assert len({each.venue_order_id for each in found}) == len(found)


class TestAccountOfBinance:
    def test_every_pushed_event_is_read_and_fills_add_up(
        self, client: ccxt_rig.Client, told: dict[str, Any]
    ) -> None:
        filled: dict[str, Decimal] = {}
        counted: dict[str, Decimal] = {}
        reports = 0
        for event in told["user_events"]:
            raw = event.get("event", event)
            if raw.get("e") != "executionReport":
                continue
            report = order_status(client.parse_ws_order(raw), NAMES)
            assert report.client_order_id in {raw["c"], raw["C"]} - {""}
            assert report.filled is not None
            counted[report.venue_order_id] = report.filled
            reports += 1
            if raw["x"] == "TRADE":
                one = pushed_fill(client.parse_ws_trade(raw), NAMES)
                before = filled.get(one.venue_order_id, Decimal(0))
                filled[one.venue_order_id] = before + one.quantity
        assert reports > 10
        assert filled == {order: count for order, count in counted.items() if count}

    def test_listed_trades_and_pushed_ones_are_the_same(
        self, client: ccxt_rig.Client, told: dict[str, Any]
    ) -> None:
        market = client.market("BTC/USDT")
        listed = [fill(client.parse_trade(each, market), NAMES) for each in told["rest_my_trades"]]
        pushed = {
            (one.trade_id, one.side): one
            for raw in (event.get("event", event) for event in told["user_events"])
            if raw.get("x") == "TRADE"
            for one in [pushed_fill(client.parse_ws_trade(raw), NAMES)]
        }
        assert listed
        for one in listed:
            other = pushed[one.trade_id, one.side]
            for name in ("venue_order_id", "quantity", "price", "fee", "fee_currency", "ts"):
                assert getattr(one, name) == getattr(other, name), name
            assert one.liquidity is other.liquidity

    def test_balances_are_read_exactly(self, client: ccxt_rig.Client, told: dict[str, Any]) -> None:
        raw = told["rest_account"]
        found = {
            each.currency: each.total for each in balances(client.parse_balance_custom(raw, "spot"))
        }
        assert found == {
            each["asset"]: Decimal(each["free"]) + Decimal(each["locked"])
            for each in raw["balances"]
        }


class TestMarketOfBinance:
    def test_its_rules_are_read(self, client: ccxt_rig.Client) -> None:
        fees = {"maker": Decimal(0), "taker": Decimal("0.001")}
        rules = instrument(client.market("BTC/USDT"), venue="local", symbol="BTC/USDT", **fees)
        assert rules.price_step > 0 < rules.min_value
        assert rules.quantity_step > 0

    def test_its_prints_and_quotes_are_read(
        self, client: ccxt_rig.Client, told: dict[str, Any]
    ) -> None:
        market = client.market("BTC/USDT")
        printed = trade(client.parse_ws_trade(told["stream_trade"], market), NAMES)
        assert printed.price == float(told["stream_trade"]["p"])
        listed = trade(client.parse_trade(told["rest_trades"][0], market), NAMES)
        assert listed.trade_id == printed.trade_id
        assert listed == printed
        half = client.parse_ws_ticker(told["stream_bookTicker"], "spot")
        assert quote(half, NAMES, NOW) is None

    def test_its_bars_are_read(self, client: ccxt_rig.Client, told: dict[str, Any]) -> None:
        rows = client.parse_ohlcvs(told["rest_klines"])
        found = bars(rows, "BTC/USDT", "1m", 60_000_000_000, NOW)
        assert len(found) == len(told["rest_klines"])


class TestRefusalsOfBinance:
    @pytest.mark.parametrize(
        ("name", "field"),
        [
            ("rest_refused_post_only", "refusals"),
            ("rest_refused_funds", "refusals"),
            ("rest_refused_lot", "refusals"),
            ("rest_refused_notional", "refusals"),
            ("rest_refused_duplicate", "duplicates"),
            ("rest_order_query_missing", "unknown_order"),
            ("rest_cancel_missing", "unknown_order"),
        ],
    )
    def test_every_refusal_proves_what_it_should(
        self, client: ccxt_rig.Client, name: str, field: str
    ) -> None:
        entry = recorded("binance")[name]
        body, status = json.dumps(entry["raw"]), entry["status"]
        url = "https://api.binance.com/api/v3/order"
        with pytest.raises(Exception, match="binance") as raised:
            client.handle_errors(status, "", url, "POST", {}, body, entry["raw"], {}, "")
        error: VenueError = read_error(
            raised.value,
            status=status,
            headers={},
            sent=True,
            profile=profile_of("binance"),
            body=body,
        )
        assert isinstance(error, ReplyError)
        assert error.reply in getattr(profile_of("binance").capabilities, field)
