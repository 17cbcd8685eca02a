"""The line a person watches: live on a terminal, rare elsewhere, and never in the way of talk."""

import io
from decimal import Decimal

import pytest
from msgspec.structs import replace

from alphaforge.cli.status_line import StatusLine
from alphaforge.model.enums import AlertLevel
from alphaforge.model.events import Alert
from alphaforge.services.summary import Status
from tests.services.running import SECOND, START, FakeClock
from tests.store.stories import record


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def status(progress: float | None = None, trades: int = 1_234) -> Status:
    return Status(
        now=START,
        progress=progress,
        trades=trades,
        bars=5,
        orders=2,
        fills=1,
        prices={"BTC/USDT": 61_659.75},
        positions={"BTC/USDT": Decimal("0.010")},
        equity=Decimal("9988.114509"),
        net_pnl=Decimal("-11.885491"),
        currency="USDT",
    )


def shown_at(width: int, monkeypatch: pytest.MonkeyPatch, progress: float | None = None) -> str:
    """The live line of a synthetic run on a terminal so wide."""
    monkeypatch.setenv("COLUMNS", str(width))
    out = Terminal()
    line = StatusLine(out, FakeClock(), in_tenths=False)
    line.began(replace(record(), data=()))
    line.status(status(progress))
    return out.getvalue().split("\r\x1b[K")[-1]


def test_a_narrow_line_keeps_what_matters_most_and_cuts_no_word(monkeypatch):
    assert shown_at(60, monkeypatch) == ("synthetic | BTC/USDT 61659.75 holds 0.01 | -11.89 USDT")
    assert shown_at(80, monkeypatch) == (
        "22:13:20 | synthetic | BTC/USDT 61659.75 holds 0.01 | 1 fill | -11.89 USDT"
    )


@pytest.mark.parametrize("width", range(20, 160, 7))
def test_a_line_never_wraps_so_that_it_can_be_drawn_over(width, monkeypatch):
    assert len(shown_at(width, monkeypatch, progress=0.5)) <= width - 3


def test_a_wide_terminal_shows_everything_on_one_line_that_is_drawn_over(monkeypatch):
    monkeypatch.setenv("COLUMNS", "200")
    out = Terminal()
    line = StatusLine(out, FakeClock(), in_tenths=False)
    line.began(record())
    line.status(status())
    line.status(status(trades=2_000))
    line.end()
    assert out.getvalue().count("\n") == 3
    shown = out.getvalue().split("\r\x1b[K")[-1]
    assert shown == (
        "2023-11-14 22:13:20 | recorded | BTC/USDT 61659.75 holds 0.01 | 1 fill | -11.89 USDT | "
        "equity 9988.11 | 2 orders | 5 bars, 2,000 trades\n"
    )


def test_talk_wipes_the_live_line_first():
    out = Terminal()
    line = StatusLine(out, FakeClock(), in_tenths=False)
    line.status(status())
    line.alert(Alert(AlertLevel.ERROR, "strategy-error", "it broke", START, detail="line 3"))
    line.end()
    assert out.getvalue().endswith("\r\x1b[K× strategy-error: it broke\nline 3\n")


def test_elsewhere_there_is_a_line_every_ten_seconds():
    out, clock = io.StringIO(), FakeClock()
    line = StatusLine(out, clock, in_tenths=False)
    for _ in range(100):
        clock.now += SECOND // 4
        line.status(status())
    assert len(out.getvalue().splitlines()) == 3


def test_work_with_an_end_has_a_line_per_tenth():
    out = io.StringIO()
    line = StatusLine(out, FakeClock(), in_tenths=True)
    for percent in range(101):
        line.status(status(percent / 100))
    assert len(out.getvalue().splitlines()) == 10


def test_what_a_strategy_says_is_under_its_name():
    out = io.StringIO()
    line = StatusLine(out, FakeClock(), in_tenths=False)
    line.alert(Alert(AlertLevel.INFO, "strategy-log", "hello", START, strategy="bot"))
    assert out.getvalue() == "bot: hello\n"
