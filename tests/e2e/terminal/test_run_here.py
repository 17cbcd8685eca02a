"""`alphaforge run` typed at a terminal: the engine goes its own way, the app shows it and asks."""

import re
from pathlib import Path

import pytest

from alphaforge.client.engines import running
from tests.e2e.rig import until
from tests.e2e.terminal.desk import desk
from tests.e2e.terminal.driver import ALPHAFORGE, Terminal, needs_tmux, terminal

pytestmark = [pytest.mark.slow, needs_tmux]


def leaves(screen: Terminal, answer: str) -> None:
    """Press q, wait until the question has stood for a second, and answer it."""
    screen.press("q")
    screen.shows("LEAVE", "detach", "stop the engine")
    for _ in range(2):
        now = clock(screen.text())
        screen.until(lambda text, now=now: clock(text) not in {"", now}, "the next second")
    screen.press(answer)


def clock(text: str) -> str:
    """The engine's, in the header."""
    found = re.search(r"\d\d:\d\d:\d\dZ", text)
    return found[0] if found else ""


def test_a_run_opens_the_app_on_an_engine_of_its_own_and_leaving_asks_what_becomes_of_it(
    tmp_path: Path,
) -> None:
    with desk(tmp_path) as opened, terminal(opened.environ, tmp_path) as screen:
        screen.command(f"{ALPHAFORGE} run still.py")
        screen.shows("POSITIONS", "live", "SANDBOX")
        record = opened.engine()
        assert record.pid != screen.foreground()
        leaves(screen, "d")
        screen.shows(record.run_id, "goes on", "alphaforge attach")
        assert opened.ask("status")["state"] == "TRADING"


def test_leaving_by_stopping_ends_the_engine_and_then_the_app(tmp_path: Path) -> None:
    with desk(tmp_path) as opened, terminal(opened.environ, tmp_path) as screen:
        screen.command(f"{ALPHAFORGE} run still.py")
        screen.shows("POSITIONS", "live", "SANDBOX")
        leaves(screen, "s")
        until(lambda: not running(opened.environ), "the end of the engine")
        screen.until(lambda _: not screen.foreground(), "the end of the app")
