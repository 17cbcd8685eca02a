"""A trader's hour at the terminal: prices move, an order goes out, fills and counts."""

import re
from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path

import msgspec
import pytest

from alphaforge.client.mirror import Mirror
from tests.e2e.rig import until
from tests.e2e.terminal.desk import Desk, Witness, desk
from tests.e2e.terminal.driver import ALPHAFORGE, Terminal, needs_tmux, terminal

pytestmark = [pytest.mark.slow, needs_tmux]

MONEY = r"([+-]?[\d,]+\.\d\d)"


@pytest.fixture
def still(tmp_path: Path) -> Iterator[Desk]:
    """An engine that trades nothing by itself."""
    with desk(tmp_path) as opened:
        opened.start("still.py")
        yield opened


def last_price(text: str) -> str:
    """The one in the tape's first row; empty if there is none."""
    return _newest_trade(text)[1]


def last_time(text: str) -> str:
    """That of the tape's first row; empty if there is none."""
    return _newest_trade(text)[0]


def _newest_trade(text: str) -> tuple[str, str]:
    found = re.search(r"TAPE[^\n]*\n.*?(\d\d:\d\d:\d\d) +([\d,.]+)", text, re.DOTALL)
    return (found[1], found[2]) if found else ("", "")


def figure(text: str, label: str) -> Decimal:
    """A figure of the header."""
    found = re.search(rf" {label} {MONEY}", text)
    assert found, text
    return Decimal(found[1].replace(",", ""))


def attached(screen: Terminal) -> str:
    """Open the app and wait until it shows a market."""
    screen.command(f"{ALPHAFORGE} attach")
    screen.until(last_price, "a market")
    return screen.shows("live")


def order(screen: Terminal, quantity: str) -> None:
    """A market order by the ticket, sent once the engine has said what it would do."""
    screen.press("b")
    screen.shows("NEW ORDER", "quantity")
    a_second_passes(screen)  # keys in the first moment of a dialog are dropped
    screen.press("-l", quantity)
    screen.press("BTab", "Right")
    screen.shows("verdict  ok", "value", "fee")
    screen.press("C-s")


def a_second_passes(screen: Terminal) -> None:
    """Wait for the market's clock to turn twice."""
    for _ in range(2):
        now = last_time(screen.text())
        screen.until(lambda text, now=now: last_time(text) not in {"", now}, "the next second")


def facts(mirror: Mirror) -> dict[str, object]:
    """What does not move with the market: orders, fills, and what is held."""
    held = {
        key: (row.quantity, row.average_price, row.realized_pnl, row.fees, row.fills)
        for key, row in mirror.positions.items()
    }
    summary = mirror.summary
    assert summary is not None
    return {
        "orders": {key: msgspec.to_builtins(row) for key, row in mirror.orders.items()},
        "fills": {key: msgspec.to_builtins(row) for key, row in mirror.fills.items()},
        "positions": held,
        "summary": (summary.cash, summary.fees, summary.fills, summary.orders_submitted),
    }


def test_an_order_from_the_ticket_fills_and_counts_and_a_late_client_sees_the_same(
    still: Desk,
) -> None:
    with (
        Witness(still.engine()) as first,
        terminal(still.environ, still.folder.path) as screen,
    ):
        before = attached(screen)
        assert "no open positions" in before
        screen.until(lambda text: last_price(text) not in {"", last_price(before)}, "a new price")

        order(screen, "0.0123")
        filled = screen.shows("POSITIONS 1", "0.0123", "FILLED", "LONG")
        assert re.search(r"BUY +MARKET +0\.0123/0\.0123 +[\d,.]+ .*FILLED", filled)
        paid = figure(filled, "equity")
        assert paid < figure(before, "equity")
        screen.until(lambda text: figure(text, "equity") != paid, "the profit moving")

        screen.press("q")
        screen.until(lambda text: "equity" not in text, "the end of the app")
        assert still.ask("status")["state"] == "TRADING"
        again = attached(screen)
        assert "POSITIONS 1" in again
        assert "0.0123" in again
        screen.press("q")

        still.folder.run("pause")
        with Witness(still.engine()) as late:
            first.until(lambda mirror: len(mirror.fills) == len(late.mirror.fills), "the fills")
            assert facts(first.mirror) == facts(late.mirror)
            shown = {
                (row.order_id, row.side, row.quantity, row.price, row.fee)
                for row in late.mirror.fills.values()
            }
    stored = still.folder.rows("fills")
    assert shown == {
        (row["order_id"], row["side"], row["quantity"], row["price"], row["fee"]) for row in stored
    }
    (kept,) = still.folder.rows("orders")
    assert (kept["status"], kept["filled"], kept["strategy"]) == ("FILLED", "0.0123", "manual")


def test_an_order_shows_every_step_from_sending_to_its_end(still: Desk) -> None:
    steps: list[str] = []

    def saw(mirror: Mirror) -> bool:
        steps.extend(row.status for row in mirror.orders.values() if row.status not in steps[-1:])
        return any(not row.is_open for row in mirror.orders.values())

    with (
        Witness(still.engine()) as witness,
        terminal(still.environ, still.folder.path) as screen,
    ):
        attached(screen)
        screen.press("-l", ":")
        screen.shows("COMMAND")
        a_second_passes(screen)
        screen.press("-l", "order buy BTC/USDT 0.01 --limit 30000")
        screen.press("Enter")
        shown = screen.shows("ORDERS 1 working", "30,000.00")
        assert re.search(r"BUY +LIMIT +0/0\.01 +30,000\.00", shown)
        witness.until(lambda mirror: len(mirror.orders) == 1, "the order")
        screen.press("3")
        screen.shows("DETAILS", "30,000.00")
        screen.press("x")
        witness.until(saw, "the end of the order")
        assert steps[-1] == "CANCELED"
        screen.press("1")
        screen.until(lambda text: re.search(r"30,000\.00.*CANCEL", text), "the cancel")
    life = [line["what"] for line in still.ask("why", "o-000001")["lines"]]
    told = [what for what in life if what in {"operator", "sent", "venue", "status"}]
    assert told == ["operator", "sent", "venue", "operator", "sent", "venue", "status"]


def test_a_client_that_comes_late_sees_what_the_first_one_sees_while_it_trades(
    running_desk: Desk,
) -> None:
    with Witness(running_desk.engine()) as first:
        first.until(lambda mirror: len(mirror.fills) > 3, "some fills")
        with Witness(running_desk.engine()) as late:
            seen = {key: msgspec.to_builtins(row) for key, row in first.mirror.fills.items()}
            late.until(lambda mirror: seen.keys() <= mirror.fills.keys(), "the same fills")
            got = {key: msgspec.to_builtins(late.mirror.fills[key]) for key in seen}
    assert seen == got
    numbers = {row["trade_id"] for row in seen.values()}
    until(
        lambda: numbers <= {row["trade_id"] for row in running_desk.folder.rows("fills")},
        "the fills in the journal",
    )
