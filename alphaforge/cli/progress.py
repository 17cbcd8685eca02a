"""Progress of long work, on stderr: a bar on a terminal, one line per 10 % elsewhere.

Must never take time from the work: what is not shown costs one comparison.
"""

import sys
from collections.abc import Generator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Protocol, TextIO

if TYPE_CHECKING:
    from rich.progress import Progress, TaskID


class Meter(Protocol):
    """What work reports to."""

    def reached(self, done: int) -> None:
        """Say how much is done, in the unit of the total; may be called as often as one likes."""
        ...


class LineMeter:
    """One line per 10 %: for a log, a pipe, a CI."""

    def __init__(self, label: str, total: int, stream: TextIO) -> None:
        self._label = label
        self._total = max(total, 1)
        self._stream = stream
        self._shown = 0

    def reached(self, done: int) -> None:
        """Write a line when another 10 % is full; never more than one per 10 %."""
        self._show(min(9, done * 10 // self._total))

    def end(self) -> None:
        """Say that all is done: never before it is certain."""
        self._show(10)

    def _show(self, tenth: int) -> None:
        if tenth > self._shown:
            self._shown = tenth
            print(f"{self._label} {tenth * 10} %", file=self._stream, flush=True)


class BarMeter:
    """A bar that is redrawn when another 1 % is full."""

    def __init__(self, bar: "Progress", task: "TaskID", total: int) -> None:
        self._bar = bar
        self._task = task
        self._total = max(total, 1)
        self._shown = -1

    def reached(self, done: int) -> None:
        """Redraw when the percentage has changed."""
        percent = min(100, done * 100 // self._total)
        if percent > self._shown:
            self._shown = percent
            self._bar.update(self._task, completed=min(done, self._total))
            self._bar.refresh()


@contextmanager
def progress(label: str, total: int) -> Generator[Meter]:
    """Show how far `label` is, out of `total`, until the block ends.

    The last line, 100 %, is written when the block has ended well.
    """
    if not sys.stderr.isatty():
        lines = LineMeter(label, total, sys.stderr)
        yield lines
        lines.end()
        return
    from rich.console import Console
    from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn

    columns = (TextColumn("{task.description}"), BarColumn(), TaskProgressColumn())
    console = Console(stderr=True)
    with Progress(*columns, console=console, auto_refresh=False, transient=True) as bar:
        yield BarMeter(bar, bar.add_task(label, total=max(total, 1)), total)
