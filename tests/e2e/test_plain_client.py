"""Afterwards a plain ccxt client, none of our code, asks the exchange what happened there."""

import signal
from collections.abc import Iterator
from contextlib import ExitStack
from decimal import Decimal
from pathlib import Path
from typing import Any

import ccxt
import pytest

from tests.e2e.rig import (
    TRADING,
    Folder,
    Served,
    amounts,
    our_open_orders,
    serving,
    trades_on,
    until,
)

pytestmark = pytest.mark.slow

SPOT, LINEAR = "BTC/USDT", "BTC/USDT:USDT"


@pytest.fixture
def sessions() -> Iterator[ExitStack]:
    """Closes what plain clients have opened."""
    with ExitStack() as stack:
        yield stack


@pytest.fixture(scope="module")
def exchange(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    with serving(Folder(tmp_path_factory.mktemp("exchange")), "--speed", "5") as served:
        yield served


def plain_client(served: Served, protocol: str, key: dict[str, str], sessions: ExitStack) -> Any:
    """As docs/sandbox.md tells anybody to connect."""
    client: Any = getattr(ccxt, protocol)(
        {"apiKey": key["key"], "secret": key["secret"], "number": str}
    )
    urls = served.told["urls"]
    for name, url in (urls["bybit"] if protocol == "bybit" else urls).items():
        if name not in {"bybit", "rest"}:
            client.urls["api"][name] = url
    sessions.callback(client.session.close)
    return client


def assert_it_is_told_the_same(client: Any, folder: Folder, summary: dict[str, Any]) -> None:
    """Trades, money, open orders and positions: what the run exports is what the client is told."""
    fills, orders = folder.rows("fills"), folder.rows("orders")
    symbols = {row["symbol"] for row in fills}
    trades = [each for symbol in symbols for each in client.fetch_my_trades(symbol)]
    assert {
        (
            *(row["symbol"], row["trade_id"], row["venue_order_id"], row["side"].lower()),
            *(Decimal(row["quantity"]), Decimal(row["price"])),
            *(Decimal(row["fee"]), row["fee_currency"]),
        )
        for row in fills
    } == {
        (
            *(each["symbol"], each["id"], each["order"], each["side"]),
            *(Decimal(each["amount"]), Decimal(each["price"])),
            *(Decimal(each["fee"]["cost"]), each["fee"]["currency"]),
        )
        for each in trades
    }
    assert len(trades) == len(fills) == summary["fills"]
    assert amounts(client.fetch_balance()["total"]) == amounts(summary["cash"])
    listed = [each for symbol in symbols for each in client.fetch_open_orders(symbol)]
    working = {
        (
            *(each["clientOrderId"], each["side"].upper()),
            *(Decimal(each["amount"]), Decimal(each["filled"])),
        )
        for each in listed
    }
    assert working == our_open_orders(orders)
    assert len(working) == summary["orders_open"]
    assert summary["orders_in_doubt"] == 0
    if LINEAR in symbols:
        (position,) = client.fetch_positions([LINEAR])
        held = sum(signed(row) for row in fills if row["symbol"] == LINEAR)
        sides = {"long": 1, "short": -1, None: 0}
        assert sides[position["side"]] * Decimal(position["contracts"]) == held


def signed(row: dict[str, Any]) -> Decimal:
    """What a fill adds to a position."""
    quantity = Decimal(row["quantity"])
    return quantity if row["side"] == "BUY" else -quantity


def desk_at(
    folder: Path, exchange: Served, protocol: str, sessions: ExitStack
) -> tuple[Folder, Any, dict[str, str]]:
    """A folder whose venue `desk` is an account of its own there, its plain client and its key."""
    made, key = Folder(folder / "here"), exchange.open_account(USDT="50000", BTC="1")
    made.configure(exchange.section("desk", protocol))
    made.set_key("desk", key["key"], key["secret"])
    return made, plain_client(exchange, protocol, key, sessions), key


RUN = ("run", "busy.py", "--mode", "sandbox", "--venue", "desk", "--headless", "--json")


@pytest.mark.parametrize(("protocol", "symbols"), [("binance", (SPOT,)), ("bybit", (SPOT, LINEAR))])
def test_what_the_exchange_tells_a_plain_client_is_what_the_run_has_booked(
    tmp_path: Path, exchange: Served, protocol: str, symbols: tuple[str, ...], sessions: ExitStack
) -> None:
    folder, client, _ = desk_at(tmp_path, exchange, protocol, sessions)
    ended = folder.run(*RUN, *trades_on(*symbols), "--set", "quantity=0.013", "--for", "4s")
    assert ended.code == 0, ended.err
    assert {row["symbol"] for row in folder.rows("fills")} == set(symbols)
    assert ended.json["fills"] > 4
    assert ended.json["orders_open"] > 0
    assert_it_is_told_the_same(client, folder, ended.json)


def test_a_run_killed_with_orders_and_a_position_goes_on_where_the_exchange_stands(
    tmp_path: Path, exchange: Served, sessions: ExitStack
) -> None:
    folder, client, key = desk_at(tmp_path, exchange, "bybit", sessions)
    run = (*RUN, *trades_on(LINEAR), "--set", "quantity=0.013")
    with folder.running(*run) as program:
        program.until(TRADING)
        until(lambda: _holds(exchange, key), "a position and a resting order")
        program.send(signal.SIGKILL)
        program.ended()
    before = len(exchange.books(key["account"])["executions"])
    ended = folder.run(*run, "--for", "2s")
    assert ended.code == 0, ended.err
    assert len(folder.here("runs", "list", "--json").json["runs"]) == 1
    assert ended.json["fills"] > before > 0
    assert_it_is_told_the_same(client, folder, ended.json)


def _holds(exchange: Served, key: dict[str, str]) -> bool:
    books = exchange.books(key["account"])
    return bool(books["open_orders"]) and bool(books["positions"])
