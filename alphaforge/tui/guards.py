"""What keeps a terminal usable: odd bytes that come in, and every way out.

A terminal that is rebuilt under the app sends mouse reports of 1985 in bytes that are no UTF-8; a
signal, a hang-up or a crash must not leave mouse reports on and the cursor hidden. Must never know
what the app shows.
"""

import atexit
import codecs
import errno
import os
import sys
import termios
from collections.abc import Callable
from importlib import import_module
from threading import Event, Thread
from types import TracebackType
from typing import Any, Final, Self

from alphaforge.errors import ExitCode

_LOOK_SECONDS: Final = 1.0
_NEVER: Final = Event()

LEAVE: Final = (
    "\x1b[?2026l"  # synchronized output
    "\x1b[?1000l\x1b[?1002l\x1b[?1003l\x1b[?1006l\x1b[?1015l\x1b[?1016l"  # mouse
    "\x1b[?1004l\x1b[?2004l\x1b[?2048l"  # focus, paste and size reports
    "\x1b[<u\x1b[?7h\x1b[0m"  # keyboard protocol, line wrap, colours
    "\x1b[?1049l\x1b[?25h"  # the screen of before, the cursor
)
"""Undoes everything the app asks of a terminal; harmless where nothing is to be undone."""

MOUSE_ON: Final = "\x1b[?1000h\x1b[?1003h\x1b[?1015h\x1b[?1006h\x1b[?1004h"
"""Asked for again when the terminal may have been rebuilt: on focus and after a stop."""

AGAIN: Final = f"\x1b[?1049h\x1b[?25l\x1b[?7l\x1b[?2004h{MOUSE_ON}"
"""Asked for again after a stop: the screen of the app, no cursor, no line wrap, the mouse."""

_X10: Final = b"\x1b[M"
_X10_LENGTH: Final = 6
_X10_SHIFT: Final = 32
_BUTTONS: Final = 3
_ESCAPE: Final = 0x1B


class TolerantDecoder(codecs.IncrementalDecoder):
    """UTF-8 that never raises, and mouse reports of the X10 kind told in today's spelling.

    `ESC [ M` and three raw bytes become `ESC [ < b ; x ; y M`, which every reader knows.
    """

    def __init__(self, errors: str = "replace") -> None:
        super().__init__(errors)
        self._text = codecs.getincrementaldecoder("utf-8")("replace")
        self._held = b""

    def decode(self, input: Any, final: bool = False) -> str:  # noqa: A002 - its name in codecs
        """The text of what has come so far; a report that is not whole yet waits."""
        waiting = self._held + bytes(input)
        self._held = b""
        out: list[str] = []
        while (start := waiting.find(_X10)) >= 0:
            out.append(self._text.decode(waiting[:start]))
            report, waiting = waiting[start : start + _X10_LENGTH], waiting[start + _X10_LENGTH :]
            if len(report) < _X10_LENGTH:
                self._held = b"" if final else report
                break
            out.append(_spelled(report))
        keep = _beginning_of_report(waiting) if not final else 0
        self._held += waiting[len(waiting) - keep :] if keep else b""
        out.append(self._text.decode(waiting[: len(waiting) - keep], final))
        return "".join(out)

    def reset(self) -> None:
        """Forget what has come so far."""
        self._held = b""
        self._text.reset()


def _beginning_of_report(data: bytes) -> int:
    """How many bytes at the end could begin a report; a lone ESC is a key and must not wait."""
    return 2 if data.endswith(_X10[:2]) else 0


def _spelled(report: bytes) -> str:
    button, column, row = (max(0, byte - _X10_SHIFT) for byte in report[3:])
    if not column or not row:
        return ""
    is_release = button & _BUTTONS == _BUTTONS and not button & _X10_SHIFT
    letter = "m" if is_release else "M"
    return f"\x1b[<{0 if is_release else button};{column};{row}{letter}"


def install_decoder() -> None:
    """Make the input of a terminal go through `TolerantDecoder`.

    The library decodes strictly inside its reading thread (Textual issue 6668) and offers no door
    for another decoder; the name it looks up is the one place to put it.
    """
    driver = import_module("textual.drivers.linux_driver")
    vars(driver)["getincrementaldecoder"] = _decoder_named


def _decoder_named(name: str) -> Callable[..., codecs.IncrementalDecoder]:
    return TolerantDecoder if name == "utf-8" else codecs.getincrementaldecoder(name)


class TerminalGuard:
    """Gives the terminal back as it was, however the block ends; also when Python itself ends."""

    def __init__(self, fd: int | None = None) -> None:
        """`fd` is where the app draws: stderr unless said."""
        self._fd = sys.__stderr__.fileno() if fd is None and sys.__stderr__ else fd
        self._before: list[Any] | None = None
        self._is_armed = False

    def __enter__(self) -> Self:
        if self._fd is not None and os.isatty(self._fd):
            try:
                self._before = termios.tcgetattr(self._fd)
            except termios.error:
                self._before = None
        self._is_armed = True
        atexit.register(self.restore)
        return self

    def left_cleanly(self) -> None:
        """The app has given the terminal back itself; only its settings are checked."""
        self._set_back()
        self._is_armed = False

    def restore(self) -> None:
        """Undo everything; a terminal that is gone is fine."""
        if not self._is_armed or self._fd is None:
            return
        self._is_armed = False
        try:
            os.write(self._fd, LEAVE.encode())
        except OSError:
            return
        self._set_back()

    def _set_back(self) -> None:
        if self._before is None or self._fd is None:
            return
        try:
            termios.tcsetattr(self._fd, termios.TCSADRAIN, self._before)
        except (termios.error, OSError):
            return

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.restore()
        atexit.unregister(self.restore)


def end_with_parent() -> None:
    """In a browser: end at once when the server is gone; the input only falls silent then."""
    parent = os.getppid()
    _end_when(lambda: os.getppid() != parent)


def end_with_terminal() -> None:
    """End at once when the terminal is gone, with or without a SIGHUP."""
    _end_when(_is_terminal_gone)


def _end_when(is_gone: Callable[[], bool]) -> None:
    """End at once when what the app draws on is gone, whatever it is doing.

    There is nothing left to give back then, and writing to what is gone holds the app for ever:
    without this it would stay, seen by nobody.
    """

    def watch() -> None:
        while not is_gone():
            _NEVER.wait(_LOOK_SECONDS)
        os._exit(ExitCode.FAILED)

    Thread(target=watch, name="surface", daemon=True).start()


def _is_terminal_gone() -> bool:
    """Whether the terminal that stderr was has been closed."""
    try:
        termios.tcgetattr(2)
    except (termios.error, OSError) as error:
        return error.args[0] in {errno.EIO, errno.ENXIO, errno.EBADF}
    return False


def title_sequence(text: str) -> str:
    """Sets the terminal's title; `text` must be safe."""
    return f"\x1b]2;{text}\x07"


def notice_sequence(text: str) -> str:
    """A notification of the desktop, where the terminal knows it (OSC 9); `text` must be safe."""
    return f"\x1b]9;{text}\x07"
