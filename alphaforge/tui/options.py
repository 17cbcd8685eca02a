"""What the app was started with, and what the terminal it runs in allows.

Everything is decided before the first widget; must never start anything.
"""

from collections.abc import Mapping
from typing import Final, Literal, NamedTuple

from alphaforge.errors import UsageError
from alphaforge.tui.glyphs import GlyphSet
from alphaforge.tui.theme import DEFAULT_THEME, UpDown

SMALLEST_WIDTH: Final = 60
SMALLEST_HEIGHT: Final = 15
MID_FROM: Final = 110
WIDE_FROM: Final = 170
"""Columns from which on there is room for two and for three columns of panels."""

FRAMES_PER_SECOND: Final = 10
FRAMES_OVER_SSH: Final = 4
FRAMES_UNFOCUSED: Final = 1
FASTEST: Final = 30

SCREENS: Final = ("dashboard", "chart", "blotter", "strategies", "risk", "logs", "report")
"""Names of the screens, in the order of their number keys."""

BellLevel = Literal["off", "error", "warning"]
GlyphChoice = Literal["auto", "full", "safe", "ascii"]


class AppOptions(NamedTuple):
    """How the app looks and what it may do; `[tui]` of the settings, then flags.

    Attributes:
        read_only: No key of it changes anything in the engine.
        screen: Shown first: one of `SCREENS`.
        theme: A name of `alphaforge.tui.theme`; empty = what the terminal allows.
        fps: Frames a second at most; 0 = 10, over ssh 4.
        web: Its terminal is a browser: nothing of the real one is asked or set.
        owns_engine: The engine was started for this app: leaving asks whether to stop it.
        preset, keys: Of the key table: `[tui] preset` and `[tui.keys]`.
        updown: Which colours say up and down.
        glyphs: What the font is trusted with; `auto` = ascii without UTF-8, else safe.
        density: `cosy` parts the panels by an empty row.
        confirm_over: An order of this value or more asks once more where money is real; text in
            the reporting currency, empty = every one.
        bell: From which level on an alert rings and notifies.
        title: Whether the terminal's title tells mode, day's P&L and positions.
        project: Folder of the settings file; an engine of it is found again after its end.
    """

    read_only: bool = False
    screen: str = "dashboard"
    theme: str = ""
    fps: int = 0
    web: bool = False
    owns_engine: bool = False
    preset: str = "default"
    keys: Mapping[str, str] = {}
    updown: UpDown = "theme"
    glyphs: GlyphChoice = "auto"
    density: Literal["compact", "cosy"] = "compact"
    confirm_over: str = "1000"
    bell: BellLevel = "error"
    title: bool = True
    project: str = ""


class Surface(NamedTuple):
    """What is known of the terminal.

    Attributes:
        is_terminal: Both what is typed and what is drawn (stderr) is one.
        width, height: In cells.
    """

    is_terminal: bool
    width: int
    height: int


def refuse(surface: Surface, environ: Mapping[str, str]) -> None:
    """Raise `UsageError` where no screen can be drawn; it says what works there instead."""
    if not surface.is_terminal:
        raise UsageError(
            "the app needs a terminal for input and for stderr, on which it draws",
            remedy="without one: alphaforge status --plain, or alphaforge run ... --headless",
        )
    if environ.get("TERM", "") in {"", "dumb", "unknown"}:
        raise UsageError(
            f"the terminal calls itself {environ.get('TERM') or 'nothing (TERM is not set)'}: "
            "it cannot place text",
            remedy="set TERM (TERM=xterm-256color), or use: alphaforge status --plain",
        )
    if surface.width < SMALLEST_WIDTH or surface.height < SMALLEST_HEIGHT:
        raise UsageError(
            f"the app needs {SMALLEST_WIDTH}x{SMALLEST_HEIGHT} cells, "
            f"this terminal has {surface.width}x{surface.height}",
            remedy="make it larger, or use: alphaforge status --watch",
        )


def frames_per_second(options: AppOptions, environ: Mapping[str, str]) -> int:
    """As asked, else 10, over ssh 4: what a slow line carries."""
    if options.fps:
        return max(1, min(options.fps, FASTEST))
    is_slow = bool(environ.get("SSH_CONNECTION")) and not options.web
    return FRAMES_OVER_SSH if is_slow else FRAMES_PER_SECOND


def glyphs_of(options: AppOptions, environ: Mapping[str, str]) -> GlyphSet:
    """As asked, else ascii where the locale is not UTF-8; a browser always has it."""
    if options.glyphs != "auto":
        return options.glyphs
    if options.web:
        return "safe"
    spoken = environ.get("LC_ALL") or environ.get("LC_CTYPE") or environ.get("LANG") or "C"
    return "safe" if "utf" in spoken.lower().replace("-", "") else "ascii"


def theme_of(options: AppOptions, environ: Mapping[str, str]) -> str:
    """As asked, else mono where colour is not wanted, 16 colours where there are no more.

    A browser has all colours, whatever terminal its server was started in.
    """
    if environ.get("NO_COLOR") and not options.web:
        return "mono"
    if options.theme or options.web:
        return options.theme or DEFAULT_THEME
    term = environ.get("TERM", "")
    if term.endswith("-mono") or term in {"vt100", "vt220"}:
        return "mono"
    if term in {"linux", "screen", "xterm", "ansi", "cygwin"} and not environ.get("COLORTERM"):
        return "ansi-dark"
    return "forge-dark"
