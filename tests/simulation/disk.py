"""A machine's disk: the real writer on a real file, its commits in virtual time, and what is lost.

A killed process leaves the file and its log as they lie; a power cut leaves of the log what was
synced, and perhaps a torn piece more. Must never repair anything: that is the store's business.
"""

import asyncio
import random
import shutil
import sqlite3
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final, TypeVar

from alphaforge.errors import StoreError
from alphaforge.store.database import Durability
from alphaforge.store.records import RunRecord
from alphaforge.store.writer import Writer
from tests.simulation.faults import Faults
from tests.simulation.loop import VirtualLoop

Answer = TypeVar("Answer")

BACKGROUND_SECONDS: Final = 1.0
"""How long an append that nobody waits for stays in memory."""

_MEMORY: Final = Path("/dev/shm")


def working_folder() -> Path:
    """A new folder for databases, in memory where the machine has such a place."""
    return Path(tempfile.mkdtemp(prefix="sim-", dir=_MEMORY if _MEMORY.is_dir() else None))


class Template:
    """An empty database, made once; every seed starts from a copy."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._path = folder / "template.db"
        Writer(f"sqlite:///{self._path}").close()

    def copy(self, name: str) -> Path:
        """A fresh database of that name."""
        path = self.folder / f"{name}.db"
        shutil.copyfile(self._path, path)
        return path


SHARED: list[tuple[Any, Any]] = []
"""The dialect and the compiled statements of the first engine; a dialect of its own would not find
them."""


class SimulatedWriter(Writer):
    """The real writer, whose disk may be full and whose log is synced when the disk says so."""

    def __init__(self, disk: "Disk") -> None:
        self._disk = disk
        super().__init__(disk.url, durability=disk.durability)
        self._share_statements()

    def _share_statements(self) -> None:
        """Every process of every seed compiles the same statements: once is enough."""
        engine = self._engine
        if SHARED:
            engine.dialect, engine._compiled_cache = SHARED[0]
            self._connection.dialect = engine.dialect
        else:
            SHARED.append((engine.dialect, engine._compiled_cache))

    def flush(self) -> int:
        if self._disk.full:
            raise StoreError(f"the database {self._disk.path} cannot grow: the disk is full")
        before = self.committed
        committed = super().flush()
        if committed != before:
            self._disk.committed()
            if self.synced == committed:
                self._disk.sync()
        return committed

    def begin_run(self, run: RunRecord) -> None:
        super().begin_run(run)
        self._disk.sync()

    def checkpoint(self) -> None:
        """Never: where the log is cut must stay comparable with what was synced."""


class Disk:
    """What survives a process.

    Attributes:
        path: The database file.
        full: Whether commits fail now.
        on_commit: Told when somebody who waited for a commit is about to hear of it.
    """

    def __init__(
        self, path: Path, loop: VirtualLoop, faults: Faults, seed: int, durability: Durability
    ) -> None:
        self.path = path
        self.log = path.with_name(f"{path.name}-wal")
        self.url = f"sqlite:///{path}"
        self.durability: Durability = durability
        self.loop = loop
        self.faults = faults
        self.full = False
        self.commits = 0
        self.on_commit: Callable[[], None] = lambda: None
        self.random = random.Random(f"disk-{seed}")
        self._sync_chance = 0.02 + 0.3 * self.random.random() ** 2
        self._synced = 0
        self._writer: SimulatedWriter | None = None
        self._journal: SimulatedJournal | None = None
        self._reader: sqlite3.Connection | None = None

    def journal(self) -> "SimulatedJournal":
        """The port of a new process."""
        self._journal = SimulatedJournal(self)
        return self._journal

    def open(self) -> SimulatedWriter:
        self._writer = SimulatedWriter(self)
        return self._writer

    def closed(self) -> None:
        """The writer was closed in order, and moved everything into the file."""
        self._writer = None
        self._synced = self._log_size()

    @property
    def reader(self) -> sqlite3.Connection:
        """A connection that sees what is committed, as any other process would."""
        if self._reader is None:
            self._reader = sqlite3.connect(f"file:{self.path}?mode=ro", uri=True)
        return self._reader

    def committed(self) -> None:
        """A transaction ended; the machine may have written its pages back meanwhile."""
        self.commits += 1
        if self.durability == "process" and self.random.random() < self._sync_chance:
            self.sync()

    def sync(self) -> None:
        """Everything so far is on the platter."""
        self._synced = self._log_size()

    def kill(self) -> None:
        """The process is gone: the files stay as they are, the locks with it."""
        self._rewrite(None)

    def power_cut(self) -> int:
        """The machine is gone: how many bytes of the log were lost."""
        size = self._log_size()
        if self.durability == "power":
            kept = size
        else:
            kept = min(self._synced, size)
            if self.random.random() < 0.5:
                kept += int((size - kept) * self.random.random())
        self._rewrite(kept)
        self._synced = kept
        return size - kept

    def dispose(self) -> None:
        """End of the seed: close what is open and remove the files."""
        self._drop_connections()
        for each in (self.path, self.log, self.path.with_name(f"{self.path.name}-shm")):
            each.unlink(missing_ok=True)

    def _log_size(self) -> int:
        return self.log.stat().st_size if self.log.exists() else 0

    def _rewrite(self, kept: int | None) -> None:
        if self._journal is not None:
            self._journal.gone = True
        if self._writer is None and kept is None:
            return
        file = self.path.read_bytes()
        log = self.log.read_bytes() if self.log.exists() else b""
        self._drop_connections()
        self.path.write_bytes(file)
        self.log.write_bytes(log if kept is None else log[:kept])

    def _drop_connections(self) -> None:
        if self._reader is not None:
            self._reader.close()
            self._reader = None
        writer, self._writer = self._writer, None
        if writer is not None:
            writer._connection.close()
            writer._engine.dispose()


class SimulatedJournal:
    """The journal port of one process: what `WriterThread` is in production.

    Attributes:
        failure: Why the last commit failed; None while all is well.
        gone: Its process is dead: nothing is written any more.
    """

    def __init__(self, disk: Disk) -> None:
        self.failure: Exception | None = None
        self.gone = False
        self._disk = disk
        self._writer: SimulatedWriter | None = None
        self._waiting: list[tuple[int, asyncio.Future[None]]] = []
        self._flushing = False

    async def open(self) -> Writer:
        await self._pause()
        self._writer = self._disk.open()
        self._disk.loop.outside(BACKGROUND_SECONDS, self._background)
        return self._writer

    async def ask(self, work: Callable[[Writer], Answer]) -> Answer:
        await self._pause()
        assert self._writer is not None
        answer = work(self._writer)
        await self._pause()
        return answer

    async def commit(self, place: int) -> None:
        writer = self._writer
        assert writer is not None
        if writer.committed >= place:
            return
        future = self._disk.loop.create_future()
        self._waiting.append((place, future))
        if not self._flushing:
            self._flushing = True
            self._disk.loop.outside(self._seconds() / 2, self._flush)
        await future

    async def close(self) -> None:
        if self._writer is None:
            return
        await self._pause()
        self.gone = True
        try:
            self._writer.close()
        finally:
            self._disk.closed()

    def _seconds(self) -> float:
        disk = self._disk
        if disk.faults.hits("late_commit", disk.loop.time()):
            return disk.faults.seconds("late_commit", 0.002, 0.5)
        return 0.0002 + 0.0008 * disk.random.random()

    async def _pause(self) -> None:
        await asyncio.sleep(self._seconds())

    def _background(self) -> None:
        if self.gone:
            return
        self._write()
        self._disk.loop.outside(BACKGROUND_SECONDS, self._background)

    def _flush(self) -> None:
        """Commit what gathered; whoever waited hears of it a little later."""
        if self.gone:
            return
        served, self._waiting = self._waiting, []
        self._write()
        self._disk.loop.outside(self._seconds() / 2, self._answer, served, self.failure)

    def _write(self) -> None:
        assert self._writer is not None
        try:
            self._writer.flush()
        except StoreError as error:
            self.failure = error
        else:
            self.failure = None

    def _answer(self, served: list[tuple[int, Any]], failure: Exception | None) -> None:
        self._flushing = bool(self._waiting)
        if self._flushing and not self.gone:
            self._disk.loop.outside(self._seconds() / 2, self._flush)
        self._disk.on_commit()
        for _, future in served:
            if future.done():
                continue
            if failure is None:
                future.set_result(None)
            else:
                future.set_exception(failure)
