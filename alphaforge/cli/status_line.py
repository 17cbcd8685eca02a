"""How a run looks while it lasts: one live line on a terminal, now and then a line elsewhere.

Everything goes to stderr: stdout is the summary's. Must never slow the run: it is called a few
times a second.
"""

import os
from collections.abc import Iterator
from shutil import get_terminal_size
from typing import TYPE_CHECKING, TextIO

from alphaforge.cli.printing import counted
from alphaforge.model.enums import AlertLevel
from alphaforge.model.numbers import plain
from alphaforge.store.export import iso_time

if TYPE_CHECKING:
    from alphaforge.model.events import Alert
    from alphaforge.services.clock import Clock
    from alphaforge.services.summary import Status
    from alphaforge.store.records import RunRecord

_QUIET_NS = 10_000_000_000
"""Away from a terminal: one line per this much wall time."""

_ERASE = "\r\x1b[K"
_SYMBOLS = 2
_RECORDED = "recorded"
_WIRE = {"sandbox", "live"}
_ANY_WIDTH = 1_000
_MARGIN = 3
"""Columns left free: the terminal writes `^C` there, and a full line would wrap."""


class StatusLine:
    """Shows one run on a stream.

    `in_tenths` says that the work has an end worth counting towards: away from a terminal there
    is a line per 10 % then.
    """

    def __init__(self, stream: TextIO, clock: "Clock", *, in_tenths: bool) -> None:
        self._stream = stream
        self._clock = clock
        self._in_tenths = in_tenths
        self._is_live = stream.isatty()
        self._is_drawn = False
        self._next = 0
        self._tenth = 0
        self._market = ""

    def began(self, run: "RunRecord") -> None:
        """Say what is being run, on what."""
        names = ", ".join(strategy.name for strategy in run.strategies)
        symbols = ", ".join(instrument.symbol for instrument in run.instruments)
        self._market = _RECORDED if run.data else "synthetic"
        if run.mode in _WIRE:
            self._market = run.venue
            venues = ", ".join(dict.fromkeys(each.venue for each in run.instruments))
            self._say(f"run {run.run_id}: {names} on {symbols} at {venues}, mode {run.mode}")
            self._say("asking the venue what it knows; Ctrl-C ends")
            self._next = self._clock.steady_ns() + _QUIET_NS
            return
        if run.data:
            market = "recorded market: " + ", ".join(source.path for source in run.data)
        else:
            market = (
                f"synthetic market: random numbers (seed {run.seed}), no real prices or money; "
                "Ctrl-C ends"
            )
        self._say(f"run {run.run_id}: {names} on {symbols}, simulated orders")
        self._say(market)
        self._next = self._clock.steady_ns() + _QUIET_NS

    def certain(self, seconds: float) -> None:
        """Say that trading begins."""
        self._say(f"the venue and our books agree after {seconds:.1f} s: trading")

    def status(self, status: "Status") -> None:
        """Redraw on a terminal; elsewhere a line when it is time for one."""
        if self._is_live:
            width = _width(self._stream) - _MARGIN
            self._stream.write(_ERASE + _text(status, self._market, width))
            self._stream.flush()
            self._is_drawn = True
        elif self._is_time(status.progress):
            self._say(_text(status, self._market, _ANY_WIDTH))

    def alert(self, alert: "Alert") -> None:
        """Write an alert, with the user's own frames where there are some."""
        if alert.code == "strategy-log":
            self._say(f"{alert.strategy}: {alert.message}")
            return
        mark = "×" if alert.level is AlertLevel.ERROR else "!"
        self._say(f"{mark} {alert.code}: {alert.message}")
        if alert.detail:
            self._say(alert.detail)

    def end(self) -> None:
        """Leave the last line on the screen."""
        if self._is_drawn:
            self._stream.write("\n")
            self._stream.flush()
            self._is_drawn = False

    def _is_time(self, progress: float | None) -> bool:
        if self._in_tenths and progress is not None:
            tenth = int(progress * 10)
            if tenth > self._tenth:
                self._tenth = tenth
                return True
            return False
        now = self._clock.steady_ns()
        if now < self._next:
            return False
        self._next = now + _QUIET_NS
        return True

    def _say(self, text: str) -> None:
        if self._is_drawn:
            self._stream.write(_ERASE)
            self._is_drawn = False
        print(text, file=self._stream, flush=True)


def _width(stream: TextIO) -> int:
    """Columns of the stream's own terminal: stdout may lead elsewhere."""
    try:
        return int(os.environ.get("COLUMNS") or os.get_terminal_size(stream.fileno()).columns)
    except (OSError, ValueError):
        return get_terminal_size().columns


def _parts(status: "Status", market: str) -> Iterator[tuple[int, str]]:
    """What can be said, in the order it stands; where room is short the highest numbers go."""
    moment = iso_time(status.now)[:19].replace("T", " ")
    yield 6, moment if market == _RECORDED else moment[11:]
    yield 9 if market == _RECORDED else 1, market
    if status.progress is not None:
        yield 5, f"{status.progress:.0%}"
    for at, (symbol, price) in enumerate(list(status.prices.items())[:_SYMBOLS]):
        held = status.positions.get(symbol)
        yield 2 + at * 7, f"{symbol} {price!r}" + (f" holds {plain(held)}" if held else "")
    yield 4, counted(status.fills, "fill")
    yield 3, f"{status.net_pnl:+.2f} {status.currency}"
    yield 7, f"equity {status.equity:.2f}"
    yield 8, counted(status.orders, "order")
    yield 10, f"{counted(status.bars, 'bar')}, {counted(status.trades, 'trade')}"


def _text(status: "Status", market: str, width: int) -> str:
    """One line of whole parts that fits: the least important are left out first."""
    parts = list(_parts(status, market))
    while len(text := " | ".join(part for _, part in parts)) > width and len(parts) > 1:
        parts.remove(max(parts))
    return text[:width]
