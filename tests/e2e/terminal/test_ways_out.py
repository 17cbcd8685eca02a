"""Every way out of the app gives the terminal back as it was; odd bytes are no way out."""

import os
import signal

import pytest

from tests.e2e.rig import is_alive, until
from tests.e2e.terminal.desk import Desk
from tests.e2e.terminal.driver import ALPHAFORGE, CALM, Terminal, needs_tmux, terminal

pytestmark = [pytest.mark.slow, needs_tmux]

WAYS = {
    "quit": None,
    "terminated": signal.SIGTERM,
    "interrupted": signal.SIGINT,
    "hung up": signal.SIGHUP,
}


def opened(screen: Terminal) -> None:
    """Start the app and wait for its screen."""
    screen.command(f"{ALPHAFORGE} attach")
    screen.shows("POSITIONS", "live")


def test_quit_and_each_signal_give_the_terminal_back(running_desk: Desk) -> None:
    with terminal(running_desk.environ, running_desk.folder.path) as screen:
        before = screen.state()
        assert before.modes == CALM
        for way, number in WAYS.items():
            opened(screen)
            assert screen.state() != before, way
            if number is None:
                screen.press("q")
            else:
                os.kill(screen.foreground(), number)
            screen.until(lambda _: not screen.foreground(), f"the end of an app that is {way}")
            assert screen.state() == before, way
        assert running_desk.ask("status")["state"] == "TRADING"


def test_a_window_that_closes_ends_its_app_and_no_engine(running_desk: Desk) -> None:
    with terminal(running_desk.environ, running_desk.folder.path) as screen:
        opened(screen)
        app = screen.foreground()
        screen.close()
        until(lambda: not is_alive(app), "the end of the app")
    assert running_desk.ask("status")["state"] == "TRADING"


def test_mouse_reports_of_1985_and_other_odd_bytes_do_not_end_the_app(running_desk: Desk) -> None:
    with terminal(running_desk.environ, running_desk.folder.path) as screen:
        opened(screen)
        for data in (b"\x1b[M#\xb6*", b"\x1b[M \xff\xfe\x1b[M", b"\xb6*\xc3\x28\x80", b"\x1a"):
            screen.bytes_typed(data)
        screen.press("3")
        screen.shows("DETAILS")
        assert screen.foreground()
