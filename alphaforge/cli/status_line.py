"""How a run looks while it lasts: one live line on a terminal, now and then a line elsewhere.

Everything goes to stderr: stdout is the summary's. Must never slow the run: it is called a few
times a second.
"""

from shutil import get_terminal_size
from typing import TYPE_CHECKING, TextIO

from alphaforge.cli.printing import iso_time
from alphaforge.model.enums import AlertLevel
from alphaforge.model.numbers import plain

if TYPE_CHECKING:
    from alphaforge.model.events import Alert
    from alphaforge.services.clock import Clock
    from alphaforge.services.summary import Status
    from alphaforge.store.records import RunRecord

_QUIET_NS = 10_000_000_000
"""Away from a terminal: one line per this much wall time."""

_ERASE = "\r\x1b[K"


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

    def began(self, run: "RunRecord") -> None:
        """Say what is being run, on what."""
        names = ", ".join(strategy.name for strategy in run.strategies)
        symbols = ", ".join(instrument.symbol for instrument in run.instruments)
        if run.data:
            market = "recorded market: " + ", ".join(source.path for source in run.data)
        else:
            market = (
                f"synthetic market: made of random numbers (seed {run.seed}), "
                "no real prices, no real money; Ctrl-C ends the run"
            )
        self._say(f"run {run.run_id}: {names} on {symbols}, simulated orders")
        self._say(market)
        self._next = self._clock.steady_ns() + _QUIET_NS

    def status(self, status: "Status") -> None:
        """Redraw on a terminal; elsewhere a line when it is time for one."""
        if self._is_live:
            width = get_terminal_size().columns - 1
            self._stream.write(_ERASE + _text(status)[:width])
            self._stream.flush()
            self._is_drawn = True
        elif self._is_time(status.progress):
            self._say(_text(status))

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


def _text(status: "Status") -> str:
    parts = [iso_time(status.now)[:19].replace("T", " ")]
    if status.progress is not None:
        parts.append(f"{status.progress:.0%}")
    parts += [f"{symbol} {price!r}" for symbol, price in list(status.prices.items())[:2]]
    parts += [f"holds {plain(held)} {name}" for name, held in list(status.positions.items())[:2]]
    parts.append(f"{status.trades:,} trades, {status.bars:,} bars")
    parts.append(f"{status.orders:,} orders, {status.fills:,} fills")
    parts.append(f"equity {status.equity:.2f} {status.currency} ({status.net_pnl:+.2f})")
    return " | ".join(parts)
