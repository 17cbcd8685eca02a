"""The lines of the key table and its presets; `keys` reads them.

No key of a dangerous line is one a hand hits in passing, none is ctrl+d or ctrl+k. Must hold no
logic.
"""

from collections.abc import Mapping
from typing import Final, NamedTuple


class Key(NamedTuple):
    """One line of the table.

    Attributes:
        id: Its name in `[tui.keys]`.
        keys: What is typed for it; the first is shown in the footer.
        action: `name` or `name:argument` of the `do_name` method that carries it out.
        help: In one line, for `?`, palette and docs.
        group: Heading it stands under.
        where: Screens it holds on; empty = all. A screen's own line is stronger.
        short: Word of the footer; empty = not there.
        is_danger: Ends, closes or cancels something: shown in the colour of errors.
        is_trade: Changes something in the engine: dead where the app is read-only or the engine
            is lost.
        urgent: Acts in every dialog and while a text is being typed.
    """

    id: str
    keys: tuple[str, ...]
    action: str
    help: str
    group: str
    where: tuple[str, ...] = ()
    short: str = ""
    is_danger: bool = False
    is_trade: bool = False
    urgent: bool = False


_SCREENS, _MOVE, _FIND = "screens", "move", "find and do"
_TRADE, _VIEW = "trade", "view"
_TABLES: Final = ("dashboard", "blotter")
_CHARTS: Final = ("dashboard", "chart")


def _screen(name: str, number: int, letter: str, short: str, help_text: str) -> Key:
    keys = (str(number), f"f{number + 1}", f"g {letter}")
    return Key(f"screen.{name}", keys, f"screen:{name}", help_text, _SCREENS, short=short)


KEYS: Final[tuple[Key, ...]] = (
    _screen("dashboard", 1, "d", "Dash", "Dashboard: everything at a glance"),
    _screen("chart", 2, "c", "Chart", "Chart: candles, orders and fills of one symbol"),
    _screen("blotter", 3, "b", "Blotter", "Blotter: orders, fills, closed"),
    _screen("strategies", 4, "s", "Strats", "Strategies: state, parameters, signals"),
    _screen("risk", 5, "r", "Risk", "Risk: limits and head-room, exposure, alerts"),
    _screen("logs", 6, "l", "Logs", "Logs of the engine"),
    _screen("report", 7, "p", "Report", "Report: equity, drawdown and trades of a run"),
    Key("help", ("?", "f1"), "help", "All keys, as they are now", _SCREENS, short="Help"),
    Key("back", ("escape",), "back", "Close, undo the zoom, clear the filter; never quits", _MOVE),
    Key("down", ("j", "down"), "down", "Next row", _MOVE),
    Key("up", ("k", "up"), "up", "Row before", _MOVE),
    Key("left", ("h", "left"), "left", "Column before; earlier in a chart", _MOVE),
    Key("right", ("l", "right"), "right", "Next column; later in a chart", _MOVE),
    Key("top", ("g g", "home"), "top", "First row", _MOVE),
    Key("bottom", ("G", "end"), "bottom", "Last row", _MOVE),
    Key("half_down", ("ctrl+d", "pagedown"), "half_down", "Half a page down", _MOVE),
    Key("half_up", ("ctrl+u", "pageup"), "half_up", "Half a page up", _MOVE),
    Key("panel.next", ("tab",), "next_panel", "Next panel", _MOVE, short="Panel"),
    Key("panel.previous", ("shift+tab",), "previous_panel", "Panel before", _MOVE),
    Key("panel.jump", ("f",), "jump", "Label the panels; a letter goes there", _MOVE),
    Key("open", ("enter",), "open", "Details of the row", _MOVE),
    Key("filter", ("/",), "filter", "Filter the rows of this panel", _FIND, short="Filter"),
    Key("match.next", ("n",), "next_match", "Next row that the filter lets through", _FIND),
    Key("match.previous", ("N",), "previous_match", "The one before", _FIND),
    Key("command", (":",), "command", "Command line, as in the shell: order, pause, …", _FIND),
    Key("palette", ("ctrl+p",), "palette", "Search everything that can be done", _FIND),
    Key("copy.cell", ("y",), "copy_cell", "Copy the cell", _FIND),
    Key("copy.row", ("Y",), "copy_row", "Copy the row as JSON", _FIND),
    Key("buy", ("b",), "buy", "Buy ticket for the symbol", _TRADE, short="Buy", is_trade=True),
    Key("sell", ("s",), "sell", "Sell ticket for the symbol", _TRADE, short="Sell", is_trade=True),
    Key("modify", ("m",), "modify", "Change the selected order", _TRADE, is_trade=True),
    Key(
        "cancel",
        ("x",),
        "cancel",
        "Cancel the selected order",
        _TRADE,
        short="Cancel",
        is_danger=True,
        is_trade=True,
    ),
    Key(
        "cancel_all",
        ("X",),
        "cancel_all",
        "Cancel every order of the symbol (asks)",
        _TRADE,
        is_danger=True,
        is_trade=True,
    ),
    Key(
        "flatten",
        ("F",),
        "flatten",
        "Close the selected position at market (asks)",
        _TRADE,
        is_danger=True,
        is_trade=True,
    ),
    Key("toggle", ("space",), "toggle", "Start or stop the strategy; re-centre the ladder", _TRADE),
    Key(
        "reload",
        ("R",),
        "reload",
        "Read the strategy's file again",
        _TRADE,
        where=("strategies",),
        short="Reload",
        is_trade=True,
    ),
    Key(
        "parameters",
        ("e",),
        "parameters",
        "Edit the strategy's parameters",
        _TRADE,
        where=("strategies",),
        short="Edit",
        is_trade=True,
    ),
    Key(
        "acknowledge",
        ("a",),
        "acknowledge",
        "Alerts are read: clear the counter",
        _TRADE,
        short="",
        is_trade=True,
    ),
    Key(
        "kill",
        ("f12",),
        "kill",
        "Kill switch: stop, cancel, close (typed word)",
        _TRADE,
        short="KILL",
        is_danger=True,
        is_trade=True,
        urgent=True,
    ),
    Key("zoom", ("z",), "zoom", "The panel fills the screen, and back", _VIEW),
    Key("unzoom", ("Z",), "unzoom", "Every panel again", _VIEW),
    Key("closer", ("+", "="), "closer", "Wider candles", _VIEW),
    Key("wider", ("-",), "wider", "Narrower candles", _VIEW),
    Key("tab.previous", ("[",), "previous_tab", "Tab before", _VIEW),
    Key("tab.next", ("]",), "next_tab", "Next tab", _VIEW),
    Key("timeframe", ("t",), "timeframe", "Next time frame of the candles", _VIEW, where=_CHARTS),
    Key("indicators", ("i",), "indicators", "Lines of the strategies, on and off", _VIEW, _CHARTS),
    Key("crosshair", ("c",), "crosshair", "Cross-hair: h and l read one candle", _VIEW, _CHARTS),
    Key("sort", ("o",), "sort", "Sort by the next column", _VIEW, where=_TABLES),
    Key("sort.turn", ("O",), "turn_sort", "Sort the other way round", _VIEW, where=_TABLES),
    Key("columns", ("C",), "columns", "Choose the columns", _VIEW, where=("blotter",)),
    Key("export", ("E",), "export", "Write the rows to a file", _VIEW, where=("blotter",)),
    Key("log.follow", ("f",), "follow", "Follow the newest line again", _VIEW, where=("logs",)),
    Key("log.debug", ("d",), "level:DEBUG", "Everything", _VIEW, where=("logs",)),
    Key("log.info", ("i",), "level:INFO", "Information and above", _VIEW, where=("logs",)),
    Key("log.warning", ("w",), "level:WARNING", "Warnings and above", _VIEW, where=("logs",)),
    Key("log.error", ("e",), "level:ERROR", "Errors only", _VIEW, where=("logs",)),
    Key("theme", ("T",), "theme", "Choose the colours", _VIEW),
    Key("freeze", ("p",), "freeze", "Freeze the screen, and go on", _VIEW),
    Key("debug", ("f11",), "debug", "What the app itself costs", _VIEW, urgent=True),
    Key("quit", ("ctrl+q", "q"), "quit", "Leave the app; the engine goes on", _VIEW, urgent=False),
    Key("interrupt", ("ctrl+c",), "quit", "Leave the app", _VIEW),
)

PRESETS: Final[Mapping[str, Mapping[str, tuple[str, ...]]]] = {
    "default": {},
    "vim": {
        "half_down": ("ctrl+d", "ctrl+f", "pagedown"),
        "half_up": ("ctrl+u", "ctrl+b", "pageup"),
        "copy.row": ("Y", "y y"),
        "copy.cell": ("y c",),
    },
    "emacs": {
        "down": ("ctrl+n", "down", "j"),
        "up": ("ctrl+p", "up", "k"),
        "left": ("ctrl+b", "left", "h"),
        "right": ("ctrl+f", "right", "l"),
        "half_down": ("ctrl+v", "pagedown"),
        "half_up": ("alt+v", "pageup"),
        "filter": ("ctrl+s", "/"),
        "palette": ("alt+x",),
        "back": ("ctrl+g", "escape"),
    },
    "fkeys": {
        "buy": ("b", "insert"),
        "cancel": ("x", "delete"),
        "filter": ("/", "f10"),
    },
}
"""Laid over the table by `[tui] preset`; `[tui.keys]` is laid over these."""
