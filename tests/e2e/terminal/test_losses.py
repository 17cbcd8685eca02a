"""What dies at the terminal: an app is nothing to its engine, and tells the engine's end."""

import os
import re
import signal
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.e2e.rig import is_alive, until
from tests.e2e.terminal.desk import BUSY, Desk, desk
from tests.e2e.terminal.driver import ALPHAFORGE, Terminal, needs_tmux, terminal

pytestmark = [pytest.mark.slow, needs_tmux]

LOST_WITHIN_FRAMES = 12
"""Ten frames are a second; one more each for the look before and the drawing of it."""


@pytest.fixture
def busy(tmp_path: Path) -> Iterator[Desk]:
    """An engine that trades all the time."""
    with desk(tmp_path) as opened:
        opened.start(*BUSY)
        yield opened


def attached(screen: Terminal) -> None:
    """Open the app and wait until it shows the engine."""
    screen.command(f"{ALPHAFORGE} attach")
    screen.shows("POSITIONS", "live", "Blotter")


def frames_of(text: str) -> int:
    """How many frames the app has drawn, by its own count (F11): its own clock in tenths."""
    found = re.search(r"frames (\d+)", text)
    return int(found[1]) if found else 0


def fills_of(opened: Desk) -> int:
    """How many the engine has booked."""
    return opened.ask("status")["fills"]


def loses(screen: Terminal, opened: Desk, number: signal.Signals) -> str:
    """Signal the engine; the screen that tells it is lost, which comes within a second."""
    screen.press("F11")
    before = frames_of(screen.until(lambda text: text if frames_of(text) else "", "frames"))
    os.kill(opened.engine().pid, number)
    lost = screen.shows("engine lost")
    assert frames_of(lost) - before <= LOST_WITHIN_FRAMES, lost
    screen.press("F11")
    return lost


def test_killing_the_app_leaves_its_engine_trading(running_desk: Desk) -> None:
    busy = running_desk
    with terminal(busy.environ, busy.folder.path) as screen:
        attached(screen)
        for word in ("SENDING", "NEW", "FILLED"):
            screen.shows(word)
        app, engine, booked = screen.foreground(), busy.engine().pid, fills_of(busy)
        os.kill(app, signal.SIGKILL)
        until(lambda: not is_alive(app), "the end of the app")
        until(lambda: fills_of(busy) > booked, "trading going on")
        assert busy.engine().pid == engine
    with terminal(busy.environ, busy.folder.path) as screen:
        attached(screen)


def test_a_silent_and_a_killed_engine_are_told_within_a_second_and_its_return_is_seen(
    busy: Desk,
) -> None:
    with terminal(busy.environ, busy.folder.path) as screen:
        attached(screen)
        loses(screen, busy, signal.SIGSTOP)
        os.kill(busy.engine().pid, signal.SIGCONT)
        screen.until(lambda text: " live " in text and "engine lost" not in text, "its return")

        pid = busy.engine().pid
        lost = loses(screen, busy, signal.SIGKILL)
        assert "POSITIONS" in lost
        until(lambda: not is_alive(pid), "the end of the engine")
        busy.start(*BUSY)
        screen.until(lambda text: " live " in text and "engine lost" not in text, "the new engine")
        booked = fills_of(busy)
        until(lambda: fills_of(busy) > booked, "the new engine trading")
        screen.until(lambda text: "FILLED" in text, "its orders on the screen")
        screen.press("q")
        screen.until(lambda _: not screen.foreground(), "the end of the app")
