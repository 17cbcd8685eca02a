"""A person at a terminal: tmux holds the screen, types the keys, and tells what stands there.

Each test has a tmux server of its own. Waiting is looking again until something holds or patience
is over; nothing sleeps for a time that is meant to be long enough. Nothing here may judge.
"""

import os
import shlex
import shutil
import subprocess
import sys
import tempfile
import termios
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple, TypeVar

import pytest

PATIENCE_S = 40.0
ALPHAFORGE = f"{shlex.quote(sys.executable)} -m alphaforge"
needs_tmux = pytest.mark.skipif(shutil.which("tmux") is None, reason="tmux is not installed")

CALM = "mouse=0 other_screen=0 cursor=1"

Found = TypeVar("Found")


class State(NamedTuple):
    """What a terminal has been told to do beside text.

    Attributes:
        settings: Of the line discipline, as `stty -a` shows them.
        modes: Mouse reports, the other screen, the cursor: `CALM` when nothing is asked for.
    """

    settings: list[Any]
    modes: str


def contains(text: str, words: Sequence[str]) -> bool:
    """Whether all of the words stand there."""
    return all(word in text for word in words)


class Terminal:
    """One tmux window with a plain shell in it."""

    def __init__(self, socket: Path, environ: Mapping[str, str], folder: Path) -> None:
        self._socket = socket
        self._environ = dict(environ)
        self._folder = folder

    def start(self, width: int, height: int) -> None:
        """Open the window; the shell edits no line, so that it changes no setting."""
        size = ("-x", str(width), "-y", str(height))
        self.tmux("-f", "/dev/null", "new-session", "-d", *size, "sh", "-c", "PS1='$ ' exec sh")
        self.until(lambda text: "$" in text, "a prompt")

    def tmux(self, *words: str) -> str:
        """A command of tmux; raises if tmux refuses."""
        done = subprocess.run(
            ["tmux", "-S", str(self._socket), *words],
            env=self._environ, cwd=self._folder, text=True, capture_output=True, check=False,
        )  # fmt: skip
        assert done.returncode == 0, (words, done.stderr)
        return done.stdout

    def press(self, *keys: str) -> None:
        """Keys by tmux's names (`Enter`, `C-s`), or text."""
        self.tmux("send-keys", *keys)

    def bytes_typed(self, data: bytes) -> None:
        """Bytes as they are."""
        self.tmux("send-keys", "-H", *(f"{byte:02x}" for byte in data))

    def command(self, line: str) -> None:
        """Type a shell command on a cleared screen."""
        self.press("-l", f"clear; {line}")
        self.press("Enter")

    def resize(self, width: int, height: int) -> None:
        """Another size of the window."""
        self.tmux("resize-window", "-x", str(width), "-y", str(height))

    def text(self) -> str:
        """What stands on the screen."""
        return self.tmux("capture-pane", "-p")

    def until(self, holds: Callable[[str], Found], what: str) -> Found:
        """Look until something true comes out of the screen; returns it."""
        give_up = time.monotonic() + PATIENCE_S
        while True:
            text = self.text()
            found = holds(text)
            if found:
                return found
            assert time.monotonic() < give_up, f"not within {PATIENCE_S:g} s: {what}\n{text}"
            time.sleep(0.03)

    def shows(self, *words: str) -> str:
        """Wait for all of these words at once; the whole screen then."""
        return self.until(lambda text: text if contains(text, words) else "", f"{words}")

    def state(self) -> State:
        """As the terminal is now."""
        name = self._ask("#{pane_tty}")
        line = os.open(name, os.O_RDWR | os.O_NOCTTY)
        try:
            settings = termios.tcgetattr(line)
        finally:
            os.close(line)
        modes = "mouse=#{mouse_any_flag} other_screen=#{alternate_on} cursor=#{cursor_flag}"
        return State(settings, self._ask(modes))

    def foreground(self) -> int:
        """The process that runs in front of the shell; 0 when there is none."""
        shell = self._ask("#{pane_pid}")
        children = Path(f"/proc/{shell}/task/{shell}/children").read_text().split()
        return int(children[-1]) if children else 0

    def _ask(self, what: str) -> str:
        return self.tmux("display-message", "-p", what).rstrip("\n")

    def close(self) -> None:
        """End the window and what runs in it."""
        subprocess.run(["tmux", "-S", str(self._socket), "kill-server"], check=False,
                       capture_output=True)  # fmt: skip


@contextmanager
def terminal(
    environ: Mapping[str, str], folder: Path, width: int = 120, height: int = 40
) -> Iterator[Terminal]:
    """A terminal for as long as the block lasts."""
    with tempfile.TemporaryDirectory(prefix="af-tmux-") as place:
        opened = Terminal(Path(place) / "s", environ, folder)
        try:
            opened.start(width, height)
            yield opened
        finally:
            opened.close()
