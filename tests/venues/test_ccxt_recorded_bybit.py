"""What the built-in exchange wrote as Bybit, through the real ccxt parser and our mapping."""

import json
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from alphaforge.model.claims import OrderStatusReport, VenueStatus
from alphaforge.model.enums import Liquidity, OrderSide, OrderType
from alphaforge.venues.base import ReplyError
from alphaforge.venues.ccxt_errors import read_error
from alphaforge.venues.ccxt_map import (
    answer,
    balances,
    bars,
    book_snapshot,
    fill,
    instrument,
    order_status,
    positions,
    pushed_fill,
    trade,
)
from alphaforge.venues.ccxt_profiles import profile_of
from tests.venues import ccxt_rig

NAMES = ccxt_rig.names("bybit")
NOW = 1_800_000_000_000_000_000
SYMBOLS = {"spot": "BTC/USDT", "linear": "BTC/USDT:USDT"}
BOTH = pytest.mark.parametrize("category", ["spot", "linear"])


@pytest.fixture(scope="module")
def told() -> dict[str, Any]:
    path = Path(__file__).parent / "recorded" / "bybit_local.json"
    if not path.is_file():
        pytest.skip("nothing was recorded of bybit")
    found: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    return {name: each["raw"] for name, each in found.items()}


@pytest.fixture(scope="module")
def client(told: dict[str, Any]) -> ccxt_rig.Client:
    return ccxt_rig.bybit_of(
        {name: told[f"rest_instruments_{name}"]["result"]["list"] for name in SYMBOLS}
    )


def listed(told: dict[str, Any], name: str) -> list[Any]:
    """The rows of an answer."""
    found: list[Any] = told[name]["result"]["list"]
    return found


def asked(client: ccxt_rig.Client, told: dict[str, Any], name: str) -> OrderStatusReport:
    """How the one order of an answer stands."""
    category = name.rpartition("_")[2]
    (row,) = listed(told, name)
    return order_status(client.parse_order(row, client.market(SYMBOLS[category])), NAMES)


class TestOrders:
    @BOTH
    @pytest.mark.parametrize(
        ("name", "status"),
        [
            ("rest_order_open", VenueStatus.OPEN),
            ("rest_order_filled_market", VenueStatus.FILLED),
            ("rest_order_untriggered", VenueStatus.OPEN),
            ("rest_order_canceled", VenueStatus.CANCELED),
            ("rest_order_ioc_part_filled", VenueStatus.CANCELED),
        ],
    )
    def test_every_order_that_was_asked_for_is_read(
        self,
        client: ccxt_rig.Client,
        told: dict[str, Any],
        category: str,
        name: str,
        status: VenueStatus,
    ) -> None:
        (row,) = listed(told, f"{name}_{category}")
        report = asked(client, told, f"{name}_{category}")
        assert (report.status, report.symbol) == (status, SYMBOLS[category])
        assert report.filled == Decimal(row["cumExecQty"])
        assert report.client_order_id == row["orderLinkId"]

    @BOTH
    def test_a_canceled_rest_keeps_its_fills_though_ccxt_may_call_it_closed(
        self, client: ccxt_rig.Client, told: dict[str, Any], category: str
    ) -> None:
        report = asked(client, told, f"rest_order_ioc_part_filled_{category}")
        assert report.status is VenueStatus.CANCELED
        assert report.filled is not None
        assert report.quantity is not None
        assert 0 < report.filled < report.quantity

    @BOTH
    def test_a_stop_that_sleeps_has_not_woken(
        self, client: ccxt_rig.Client, told: dict[str, Any], category: str
    ) -> None:
        report = asked(client, told, f"rest_order_untriggered_{category}")
        assert report.trigger_price is not None
        assert not report.triggered
        assert report.order_type in {OrderType.STOP_MARKET, OrderType.STOP_LIMIT}

    def test_an_order_that_was_taken_and_then_rejected_says_why(
        self, client: ccxt_rig.Client, told: dict[str, Any]
    ) -> None:
        report = asked(client, told, "rest_order_rejected_post_only_linear")
        assert report.status is VenueStatus.REJECTED
        assert report.reason == "EC_PostOnlyWillTakeLiquidity"

    @BOTH
    @pytest.mark.parametrize("name", ["create", "amend", "cancel"])
    def test_an_acknowledgement_holds_ids_only(
        self, client: ccxt_rig.Client, told: dict[str, Any], category: str, name: str
    ) -> None:
        ids = told[f"rest_{name}_ack_{category}"]["result"]
        parsed = client.parse_order(ids, client.market(SYMBOLS[category]))
        assert answer(parsed, NAMES, ids["orderLinkId"]) is None

    @BOTH
    @pytest.mark.parametrize(
        ("word", "status"),
        [
            ("New", VenueStatus.OPEN),
            ("Untriggered", VenueStatus.OPEN),
            ("PartiallyFilled", VenueStatus.OPEN),
            ("Filled", VenueStatus.FILLED),
            ("Cancelled", VenueStatus.CANCELED),
        ],
    )
    def test_every_pushed_order_is_read(
        self,
        client: ccxt_rig.Client,
        told: dict[str, Any],
        category: str,
        word: str,
        status: VenueStatus,
    ) -> None:
        for row in told[f"push_order_{word}_{category}"]["data"]:
            report = order_status(client.parse_order(row), NAMES)
            assert (report.status, report.symbol) == (status, SYMBOLS[category])
            assert report.filled == Decimal(row["cumExecQty"])


class TestTheAccount:
    @BOTH
    def test_listed_and_pushed_executions_are_read_alike(
        self, client: ccxt_rig.Client, told: dict[str, Any], category: str
    ) -> None:
        market = client.market(SYMBOLS[category])
        rows = listed(told, f"rest_executions_{category}")
        found = {
            one.trade_id: one
            for one in (fill(client.parse_trade(row, market), NAMES) for row in rows)
        }
        assert len(found) == len(rows) > 1
        for row in told[f"push_execution_{category}"]["data"]:
            pushed = pushed_fill(client.parse_trade(row), NAMES)
            known = found[pushed.trade_id]
            for name in ("symbol", "side", "venue_order_id", "quantity", "price", "fee", "ts"):
                assert getattr(pushed, name) == getattr(known, name), name
            assert pushed.fee_currency == known.fee_currency
        for row in rows:
            one = found[row["execId"]]
            assert one.fee == Decimal(row["execFee"])
            assert one.side == (OrderSide.BUY if row["side"] == "Buy" else OrderSide.SELL)
            assert one.liquidity is (Liquidity.MAKER if row["isMaker"] else Liquidity.TAKER)

    def test_a_position_is_read(self, client: ccxt_rig.Client, told: dict[str, Any]) -> None:
        (row,) = listed(told, "rest_position_linear")
        parsed = client.parse_position(row, client.market(SYMBOLS["linear"]))
        (one,) = positions([parsed], NAMES)
        assert (one.symbol, one.quantity) == (SYMBOLS["linear"], Decimal(row["size"]))

    def test_the_wallet_is_read(self, client: ccxt_rig.Client, told: dict[str, Any]) -> None:
        (wallet,) = listed(told, "rest_wallet")
        parsed = client.parse_balance(told["rest_wallet"])
        found = {each.currency: each.total for each in balances(parsed)}
        assert found == {row["coin"]: Decimal(row["walletBalance"]) for row in wallet["coin"]}


class TestTheMarket:
    @BOTH
    def test_its_rules_prints_books_and_bars_are_read(
        self, client: ccxt_rig.Client, told: dict[str, Any], category: str
    ) -> None:
        market = client.market(SYMBOLS[category])
        fees = {"maker": Decimal(0), "taker": Decimal("0.001")}
        rules = instrument(market, venue="local", symbol="x", **fees)
        assert rules.price_step > 0 < rules.quantity_step
        tape = [
            trade(client.parse_trade(row, market), NAMES)
            for row in listed(told, f"rest_tape_{category}")
        ]
        pushed = [
            trade(client.parse_ws_trade(row, market), NAMES)
            for row in told[f"push_publicTrade_snapshot_{category}"]["data"]
        ]
        known = {one.trade_id: one for one in tape}
        assert pushed
        assert all(known.get(one.trade_id, one) == one for one in pushed)
        raw = told[f"rest_book_{category}"]["result"]
        book = client.parse_order_book(raw, market["symbol"], raw["ts"], "b", "a")
        read = book_snapshot({**book, "nonce": raw["u"]}, NAMES, market["symbol"], NOW)
        assert (read.last_id, read.bids[0][0]) == (raw["u"], float(raw["b"][0][0]))
        rows = client.parse_ohlcvs(listed(told, f"rest_bars_{category}"), market)
        assert len(bars(rows, "x", "1m", 60_000_000_000, NOW)) == len(rows)


class TestRefusals:
    @pytest.mark.parametrize(
        ("name", "field"),
        [
            ("rest_create_refused_duplicate_spot", "duplicates"),
            ("rest_create_refused_duplicate_linear", "duplicates"),
            ("rest_create_refused_funds_spot", "refusals"),
            ("rest_create_refused_funds_linear", "refusals"),
            ("rest_cancel_refused_unknown_spot", "unknown_order"),
            ("rest_cancel_refused_unknown_linear", "unknown_order"),
            ("rest_refused_signature", "request_refusals"),
            ("rest_refused_timestamp", "request_refusals"),
            ("rest_refused_throttled", "throttled"),
        ],
    )
    def test_every_refusal_proves_what_it_should(
        self, client: ccxt_rig.Client, told: dict[str, Any], name: str, field: str
    ) -> None:
        body = json.dumps(told[name])
        with pytest.raises(Exception, match="bybit") as raised:
            client.handle_errors(200, "", "/v5/order/create", "POST", {}, body, told[name], {}, "")
        found = read_error(
            raised.value,
            status=200,
            headers={},
            sent=True,
            profile=profile_of("bybit"),
            body=body,
        )
        assert isinstance(found, ReplyError)
        assert found.reply in getattr(profile_of("bybit").capabilities, field)
