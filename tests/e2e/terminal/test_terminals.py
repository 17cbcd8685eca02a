"""Terminals of every age and none at all: the app shows itself, or says what works there."""

import pytest

from tests.e2e.terminal.desk import Desk
from tests.e2e.terminal.driver import ALPHAFORGE, needs_tmux, terminal

pytestmark = [pytest.mark.slow, needs_tmux]


def test_old_terminals_show_the_app_and_a_dumb_one_hears_what_to_type(running_desk: Desk) -> None:
    with terminal(running_desk.environ, running_desk.folder.path) as screen:
        for name in ("linux", "screen", "xterm-mono"):
            screen.command(f"TERM={name} {ALPHAFORGE} attach")
            screen.shows("POSITIONS", "live", "TAPE")
            screen.press("q")
            screen.until(lambda _: not screen.foreground(), "the end of the app")
        screen.command(f"TERM=dumb {ALPHAFORGE} attach; echo code=$?")
        screen.shows("cannot place text", "status --plain", "code=2")


def test_a_locale_without_utf8_gets_ascii_only_and_a_tiny_window_one_line(
    running_desk: Desk,
) -> None:
    with terminal(running_desk.environ, running_desk.folder.path) as screen:
        screen.command(f"LANG=C LC_ALL=C {ALPHAFORGE} attach")
        shown = screen.shows("POSITIONS", "live", "TAPE")
        assert shown.isascii(), [each for each in shown if not each.isascii()]
        screen.resize(59, 14)
        screen.shows("need 60x15, have 59x14")
        screen.resize(120, 40)
        screen.shows("POSITIONS", "TAPE")
        screen.resize(59, 14)
        screen.press("q")
        screen.until(lambda _: not screen.foreground(), "the end of the app")
        screen.command(f"{ALPHAFORGE} attach; echo code=$?")
        screen.shows("needs 60x15 cells", "status --watch", "code=2")


def test_without_a_terminal_the_app_refuses_and_says_what_works(running_desk: Desk) -> None:
    for verb in ("attach", "tui"):
        ended = running_desk.folder.run(verb)
        assert ended.code == 2
        assert ended.out == ""
        assert "needs a terminal" in ended.err
        assert "status --plain" in ended.err
        assert "\x1b[?1049h" not in ended.err
