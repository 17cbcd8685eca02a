"""The one writer: appends wait in memory, and a flush commits them all in one transaction.

Order inside a transaction: market blocks, inputs, decisions, views; so whoever sees a decision
committed also finds everything that led to it. Synchronous on purpose: production gives it a
thread of its own (one thread appends, one flushes), the simulator runs the same statements inline.
A failed flush keeps everything and can be tried again. It must never drop a row, read a clock or
start a thread.
"""

from collections import deque
from collections.abc import Callable, Generator, Iterator, Sequence
from contextlib import contextmanager
from decimal import Decimal
from typing import Any

import msgspec
from sqlalchemy import delete, func, select, update

from alphaforge.errors import StoreError
from alphaforge.model.events import OrderEvent
from alphaforge.model.market import MarketEvent
from alphaforge.model.step import EMPTY_STEP, Step
from alphaforge.store import database, intake, migrations, resume, schema, tail
from alphaforge.store.batch import Batch
from alphaforge.store.intake import RunIntake
from alphaforge.store.journal import InputEvent
from alphaforge.store.records import ReconciliationRecord, RunRecord, RunStatus
from alphaforge.store.views import Projector

_event_decoder = msgspec.json.Decoder(OrderEvent)


class _Pending(msgspec.Struct, gc=False):
    """An append in line: what encodes it, for which run, and its own two values."""

    encoder: Callable[..., None]
    run: RunIntake
    first: Any
    second: Any


class Writer:
    """Writes the journal and its views to one database.

    Appends cost well under a microsecond and may come from another thread than `flush`; each
    returns its place in line, and has been committed once `committed` has reached that place.

    Opening creates or migrates the file; raises `StoreError` if it cannot be used.
    """

    def __init__(self, url: str, *, durability: database.Durability = "process") -> None:
        self._url = database.parse_url(url)
        self._engine = database.open_writer(self._url, durability)
        try:
            database.prepare(self._url, self._engine)
            with database.explained(self._url):
                self._connection = self._engine.connect()
        except BaseException:
            self._engine.dispose()
            raise
        self._runs: dict[str, RunIntake] = {}
        self._pending: deque[_Pending] = deque()
        self._batch = Batch()
        self._appended = 0
        self._encoded = 0
        self._committed = 0
        self._synced = 0
        self._always_synced = durability == "power"

    @property
    def appended(self) -> int:
        """How many appends there were: the place of the last one."""
        return self._appended

    @property
    def committed(self) -> int:
        """How many appends, counted from the first, are in the database."""
        return self._committed

    @property
    def synced(self) -> int:
        """How many appends, counted from the first, a power cut cannot take any more."""
        return self._synced

    def begin_run(self, run: RunRecord) -> None:
        """Write a new run's record, at once and to the disk; its rows can be appended from now on.

        Also with durability `process`: a run's id and settings must not come back as another's.
        """
        row = msgspec.to_builtins(run)
        with self._forced_transaction():
            self._connection.execute(schema.runs.insert(), row)
            self._begin_heads(run.run_id, (0, 0, 0))
        self._runs[run.run_id] = RunIntake(run.run_id, Projector(run, self._recaller(run.run_id)))

    def resume_run(self, run_id: str) -> RunRecord:
        """Go on with a run of an earlier process; returns its record.

        Raises `NotFoundError` for a run that is not there, `JournalCorruptError` if the end of
        its journal is gone.
        """
        with database.explained(self._url), self._connection.begin():
            run = resume.load_run(self._connection, run_id)
            resume.prove_ends(self._connection, run_id)
            heads = resume.chain_heads(self._connection, run_id)
            self._begin_heads(run_id, heads)
            positions = resume.load_positions(self._connection, run)
            resumed = update(schema.runs).where(schema.runs.c.run_id == run_id)
            self._connection.execute(resumed.values(status=RunStatus.RUNNING.value, ended=None))
        projector = Projector(run, self._recaller(run_id), positions)
        self._runs[run_id] = RunIntake(run_id, projector, heads)
        return run

    def find_resumable(self, mode: str, venue: str, account: str) -> RunRecord | None:
        """The latest run of an account that never ended; None if there is none."""
        with database.explained(self._url), self._connection.begin():
            return resume.find_resumable(self._connection, mode, venue, account)

    def last_words(self, run_id: str) -> resume.LastWords:
        """What operators said last in a run, as far as who goes on with it must know."""
        with database.explained(self._url), self._connection.begin():
            return resume.last_words(self._connection, run_id)

    def latest_snapshot(self, run_id: str) -> tail.Snapshot | None:
        """The last committed snapshot of a run that proves itself; None if there is none."""
        with database.explained(self._url):
            return tail.latest_snapshot(self._connection, run_id)

    def read_tail(self, run_id: str, after: int) -> Iterator[tail.TailEvent]:
        """The committed events of a run after sequence `after`, with what was decided on each.

        Raises `JournalCorruptError` at the first row that does not prove itself.
        """
        with database.explained(self._url):
            with self._connection.begin():
                resume.prove_ends(self._connection, run_id)
            yield from tail.read_tail(self._connection, run_id, after)

    def record_market(
        self, run_id: str, sequence: int, event: MarketEvent, step: Step = EMPTY_STEP
    ) -> int:
        """Record a market event of a feed that can not be read again, and its Step with it.

        Both are committed together: an event without a Step led to nothing.
        """
        if step is EMPTY_STEP:
            return self._append(intake.encode_market, run_id, sequence, event)
        return self._append(intake.encode_market_and_step, run_id, (sequence, event), step)

    def append_input(
        self, run_id: str, sequence: int, event: InputEvent, step: Step = EMPTY_STEP
    ) -> int:
        """Journal an event that entered the engine and stands in no recording, and its Step.

        Both are committed together; the flush that holds a `BeginEpoch` survives a power cut.
        """
        if step is EMPTY_STEP:
            return self._append(intake.encode_input, run_id, sequence, event)
        return self._append(intake.encode_input_and_step, run_id, (sequence, event), step)

    def append_step(self, run_id: str, step: Step) -> int:
        """Journal what the engine decided, and its views; an empty Step is nothing."""
        if step is EMPTY_STEP:
            return self._appended
        return self._append(intake.encode_step, run_id, step, None)

    def append_views(self, run_id: str, step: Step) -> int:
        """Keep only the views of a Step: for a backtest, which is repeated rather than replayed."""
        if step is EMPTY_STEP:
            return self._appended
        return self._append(intake.project_step, run_id, step, None)

    def sample_equity(
        self, run_id: str, sequence: int, ts: int, amounts: tuple[Decimal, Decimal, Decimal]
    ) -> int:
        """Keep a sample of (equity, cash, unrealized P&L), in the reporting currency."""
        return self._append(intake.encode_equity, run_id, (sequence, ts), amounts)

    def append_snapshot(self, run_id: str, sequence: int, ts: int, payload: bytes) -> int:
        """Keep the engine's state after event `sequence`; the last few of a run are kept."""
        return self._append(intake.encode_snapshot, run_id, (sequence, ts), payload)

    def append_reconciliation(self, record: ReconciliationRecord) -> int:
        """Keep what was compared with a venue."""
        return self._append(intake.encode_reconciliation, record.run_id, record, None)

    def flush(self) -> int:
        """Commit everything appended so far, in one transaction; returns `committed`.

        Raises `StoreError` if the database refuses: nothing is lost, the next flush tries again.
        """
        self._encode_pending()
        encoded = self._encoded
        if self._batch:
            to_disk = self._batch.to_disk
            with self._forced_transaction() if to_disk else self._transaction():
                self._batch.write(self._connection)
            self._batch = Batch()
            for run in self._runs.values():
                run.projector.forget()
            if to_disk or self._always_synced:
                self._synced = encoded
        self._committed = encoded
        return encoded

    def flush_to_disk(self) -> int:
        """Flush so that a power cut cannot take it either, whatever the durability is.

        Once per process start; it takes milliseconds. Raises as `flush`.
        """
        self._batch.to_disk = True
        return self.flush()

    def checkpoint(self) -> None:
        """Move committed rows from SQLite's log into the file; waits for no one, blocks no flush.

        It takes several milliseconds: call it now and then where nobody waits for the next flush.
        A flush has to do it itself once the log holds `database.LOG_PAGES`.
        """
        if self._engine.dialect.name != "sqlite":
            return
        with database.explained(self._url):
            connection = self._engine.raw_connection()
            try:
                connection.cursor().execute("PRAGMA wal_checkpoint(PASSIVE)")
            finally:
                connection.close()

    def finish_run(
        self,
        run_id: str,
        status: RunStatus,
        summary: dict[str, Any] | None,
        ended: int,
        error: str = "",
    ) -> None:
        """Flush, then write how the run ended (`ended`: wall clock, ns UTC)."""
        self.flush()
        row = update(schema.runs).where(schema.runs.c.run_id == run_id)
        values = {"status": status.value, "summary": summary, "ended": ended, "error": error}
        with database.explained(self._url), self._connection.begin():
            self._connection.execute(row.values(values))
        self._runs.pop(run_id, None)

    def rebuild_views(self, run_id: str) -> int:
        """Delete a run's views and fold them again from its decisions; returns the Steps folded.

        All in one transaction. Raises `StoreError` for a run that keeps no decisions, and
        `JournalCorruptError` at the first row that fails its checksum: the old views then stay.
        """
        self.flush()
        folded = 0
        with database.explained(self._url), self._connection.begin():
            run = resume.load_run(self._connection, run_id)
            self._refuse_without_decisions(run_id)
            for table in schema.VIEWS:
                self._connection.execute(delete(table).where(table.c.run_id == run_id))
            projector = Projector(run, self._recaller(run_id))
            for steps in resume.read_decisions(self._connection, run_id):
                folded += len(steps)
                for step in steps:
                    projector.add(step)
                batch = Batch()
                batch.add_views(projector.take())
                batch.write(self._connection)
                projector.forget()
        if run_id in self._runs:
            self._runs[run_id].projector = projector
        return folded

    def close(self) -> None:
        """Flush and close; the connections are closed even if the flush fails."""
        try:
            self.flush()
        finally:
            self._connection.close()
            self._engine.dispose()

    def abandon(self) -> None:
        """Let go without a flush, as if killed: the files stay byte for byte as they are."""
        self._pending.clear()
        with database.explained(self._url), database.log_kept(self._url):
            self._connection.close()
            self._engine.dispose()

    def _begin_heads(self, run_id: str, heads: Sequence[int]) -> None:
        """The run's row of `heads`, which a run of schema 1 has not; inside a transaction."""
        table = schema.heads
        if self._connection.scalar(select(table.c.run_id).where(table.c.run_id == run_id)) is None:
            names = ("recording_blocks", "inputs", "decisions")
            values = dict(zip(names, heads, strict=True))
            self._connection.execute(table.insert().values(run_id=run_id, **values))

    @contextmanager
    def _transaction(self) -> Generator[None]:
        with database.explained(self._url), self._connection.begin():
            yield

    @contextmanager
    def _forced_transaction(self) -> Generator[None]:
        """One that a power cut cannot take any more, nor any before it."""
        with (
            database.explained(self._url),
            database.forced_to_disk(self._connection),
            self._connection.begin(),
        ):
            migrations.number(self._connection, schema.SCHEMA_VERSION)
            yield

    def _append(self, encoder: Callable[..., None], run_id: str, first: Any, second: Any) -> int:
        run = self._runs.get(run_id)
        if run is None:
            raise resume.no_run(run_id)
        self._pending.append(_Pending(encoder, run, first, second))
        self._appended += 1
        return self._appended

    def _encode_pending(self) -> None:
        """Turn appends into rows; one stays in line until its rows are in the batch."""
        pending, batch = self._pending, self._batch
        touched: dict[str, RunIntake] = {}
        for _ in range(len(pending)):
            append = pending[0]
            append.encoder(batch, append.run, append.first, append.second)
            pending.popleft()
            self._encoded += 1
            touched[append.run.run_id] = append.run
        for run in touched.values():
            intake.close_block(batch, run)
            batch.add_views(run.projector.take())
            batch.set_heads(run.run_id, run.heads)

    def _refuse_without_decisions(self, run_id: str) -> None:
        decisions, orders = schema.decisions, schema.orders
        count = select(func.count()).select_from
        if self._connection.scalar(count(decisions).where(decisions.c.run_id == run_id)):
            return
        if self._connection.scalar(count(orders).where(orders.c.run_id == run_id)):
            raise StoreError(
                f"the views of run {run_id} cannot be rebuilt: it keeps no decisions",
                remedy="it was a backtest: run it again",
            )

    def _recaller(self, run_id: str) -> Callable[[str], list[OrderEvent]]:
        table = schema.order_events

        def recall(order_id: str) -> list[OrderEvent]:
            query = (
                select(table.c.payload)
                .where(table.c.run_id == run_id, table.c.order_id == order_id)
                .order_by(table.c.sequence, table.c.position)
            )
            with database.explained(self._url):
                rows = resume.fetch(self._connection, query)
                return [_event_decoder.decode(payload) for (payload,) in rows]

        return recall
