"""The engine's log: one line per thing that happened, kept in memory for screens and in a file.

A line is a `LogRow`: engine time, level, source, message. In the file each is one JSON object on
one line (`jq` reads it, `alphaforge logs` shows it). Fed by alerts, Steps, the session's own words
and what libraries warn about. A flood is cut and counted; a disk that is full stops the file, never
the engine. Must decide nothing about trading.
"""

import asyncio
import logging
import os
from collections import deque
from collections.abc import Callable, Generator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Final

import msgspec

from alphaforge.client.records import LogRow
from alphaforge.model.events import Alert
from alphaforge.model.step import Step
from alphaforge.services.control.host import Host
from alphaforge.services.order_words import event_words, fill_words, is_trouble
from alphaforge.store.export import iso_time

KEPT_ROWS: Final = 5_000
"""Lines kept in memory."""

LEVELS: Final = ("DEBUG", "INFO", "WARNING", "ERROR")

MOST_LINES_PER_SECOND: Final = 200
"""Of engine time; what is above that is counted and left out."""

FILE_BYTES: Final = 10_000_000
FILES: Final = 4
"""The file, and so many less one of its predecessors: `.1` is the youngest."""

STRATEGY_LOG: Final = "strategy-log"
"""Code of what a strategy says with `log`."""

ENGINE: Final = "engine"

_SECOND_NS: Final = 1_000_000_000

Listener = Callable[[LogRow], None]


def log_path(directory: Path, run_id: str) -> Path:
    """Where a run's log is, below the folder of its project."""
    return directory / "data" / "logs" / f"{run_id}.log"


class LogFile:
    """A file of lines, readable by its owner only, begun anew when it is full.

    Attributes:
        problem: Why nothing is written any more; empty while it is.
    """

    def __init__(self, path: Path, most_bytes: int = FILE_BYTES, files: int = FILES) -> None:
        """Open it at its end, made if need be; raises `OSError`."""
        self.path = path
        self.problem = ""
        self._most = most_bytes
        self._files = files
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        self._fd = self._open()
        self._size = os.fstat(self._fd).st_size

    def write(self, line: bytes) -> None:
        """Add a line; where that fails the file is given up and `problem` says why."""
        if self.problem:
            return
        try:
            if self._size and self._size + len(line) > self._most:
                self._begin_anew()
            self._size += os.write(self._fd, line)
        except OSError as error:
            self.problem = f"{self.path}: {error.strerror or error}"

    def close(self) -> None:
        """Nothing more is written."""
        if self._fd >= 0:
            os.close(self._fd)
            self._fd = -1
        self.problem = self.problem or "closed"

    def _open(self) -> int:
        flags = os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_NOFOLLOW | os.O_CLOEXEC
        return os.open(self.path, flags, 0o600)

    def _begin_anew(self) -> None:
        for number in range(self._files - 1, 0, -1):
            younger = self._aged(number - 1) if number > 1 else self.path
            with suppress(FileNotFoundError):
                younger.replace(self._aged(number))
        os.close(self._fd)
        self._fd = -1
        self._fd = self._open()
        self._size = 0

    def _aged(self, number: int) -> Path:
        return self.path.with_name(f"{self.path.name}.{number}")


class LogKeeper:
    """The newest lines, and whoever wants each as it comes.

    Attributes:
        rows: At most `KEPT_ROWS`, oldest first.
        listeners: Called with each line, in order; must be quick and must not raise.
        left_out: Lines of floods that nobody saw.
    """

    def __init__(
        self, now: Callable[[], int], file: LogFile | None = None, level: str = "INFO"
    ) -> None:
        """`now` is the engine's clock (ns UTC); below `level` nothing is kept."""
        self.rows: deque[LogRow] = deque(maxlen=KEPT_ROWS)
        self.listeners: list[Listener] = []
        self.left_out = 0
        self._now = now
        self._file = file
        self._lowest = LEVELS.index(level)
        self._number = 0
        self._second = 0
        self._lines = 0
        self._cut = 0
        self._encode = msgspec.json.Encoder().encode

    def say(self, level: str, source: str, message: str, ts: int | None = None) -> None:
        """One line; `ts` is engine time, now if left out."""
        if LEVELS.index(level) < self._lowest:
            return
        moment = self._now() if ts is None else ts
        if self._has_room(moment):
            self._add(level, source, message, moment)

    def alert(self, alert: Alert) -> None:
        """An alert, with the user's own frames where there are some."""
        is_log = alert.code == STRATEGY_LOG
        message = alert.message if is_log else f"{alert.code}: {alert.message}"
        if alert.detail:
            message += f"\n{alert.detail}"
        self.say(alert.level.value, alert.strategy or ENGINE, message, alert.ts_local)

    def step(self, step: Step) -> None:
        """What a Step says about orders, and its alerts."""
        for event in step.events:
            level = "WARNING" if is_trouble(event) else "DEBUG"
            if LEVELS.index(level) >= self._lowest:
                self.say(level, ENGINE, f"{event.order_id} {event_words(event)}", step.ts)
        for fill in step.fills:
            words = f"{fill.order_id} {fill.side} {fill.symbol} {fill_words(fill)}"
            self.say("INFO", fill.strategy or ENGINE, words, step.ts)
        for alert in step.alerts:
            self.alert(alert)

    def _has_room(self, moment: int) -> bool:
        second = moment // _SECOND_NS
        if second != self._second:
            self._second, self._lines = second, 0
            if self._cut:
                cut, self._cut = self._cut, 0
                self._add("WARNING", "log", f"{cut:,} lines of one second were left out", moment)
        self._lines += 1
        if self._lines <= MOST_LINES_PER_SECOND:
            return True
        self._cut += 1
        self.left_out += 1
        return False

    def _add(self, level: str, source: str, message: str, moment: int) -> None:
        self._number += 1
        row = LogRow(
            number=self._number, ts=iso_time(moment), level=level, source=source, message=message
        )
        self.rows.append(row)
        if self._file is not None:
            self._file.write(self._encode(row) + b"\n")
        for listener in self.listeners:
            listener(row)


class LibraryLog(logging.Handler):
    """Hands what libraries warn about to a keeper, from whatever thread, in the engine's loop."""

    def __init__(self, keeper: LogKeeper, loop: asyncio.AbstractEventLoop) -> None:
        super().__init__(logging.WARNING)
        self._keeper = keeper
        self._loop = loop

    def emit(self, record: logging.LogRecord) -> None:
        """See `logging.Handler`; after the loop's end there is nobody left to tell."""
        level = "ERROR" if record.levelno >= logging.ERROR else "WARNING"
        with suppress(RuntimeError):
            self._loop.call_soon_threadsafe(
                self._keeper.say, level, record.name, self.format(record)
            )


@contextmanager
def keeping_log(
    host: Host, file: LogFile | None = None, level: str = "INFO"
) -> Generator[LogKeeper]:
    """A keeper that hears everything a run tells, until the block ends; inside the running loop."""
    keeper = LogKeeper(host.now, file, level)
    library = LibraryLog(keeper, asyncio.get_running_loop())
    root = logging.getLogger()
    names = ", ".join(each.name for each in host.run.strategies)
    root.addHandler(library)
    host.on_step.append(keeper.step)
    host.on_alert.append(keeper.alert)
    keeper.say("INFO", ENGINE, f"run {host.run.run_id} begins: {names}, mode {host.run.mode}")
    try:
        yield keeper
    finally:
        keeper.say("INFO", ENGINE, f"run {host.run.run_id} ends")
        host.on_alert.remove(keeper.alert)
        host.on_step.remove(keeper.step)
        root.removeHandler(library)
        if file is not None:
            file.close()
