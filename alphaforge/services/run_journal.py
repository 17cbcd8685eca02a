"""What one run writes down: its record, its inputs, its decisions, its equity.

Market events of a feed that can be read again are journaled by reference (the sequence number is
the place in the stream); all others are recorded in the same transaction as what was decided on
them. Must never hold anything back: what is appended here will be committed.
"""

import secrets
from collections.abc import Awaitable, Sequence
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import msgspec

from alphaforge.model.market import MarketEvent
from alphaforge.model.step import EMPTY_STEP, Step
from alphaforge.services.assembly import Assembly
from alphaforge.services.journal_writer import JournalWriter
from alphaforge.store.journal import InputEvent
from alphaforge.store.records import DataSource, ReconciliationRecord, RunRecord, StrategySource
from alphaforge.store.writer import Writer

MOST_WAITING = 8_192
"""Appends that may wait for their commit before whoever appends must wait: what a stop has to
write in the worst case, and what memory holds."""

_SUFFIX_LETTERS = "0123456789abcdefghjkmnpqrstvwxyz"


def new_run_id(started_ns: int) -> str:
    """`20261120-091500-k3f`: sorts by the wall time of its start; the tail makes it unique."""
    moment = datetime.fromtimestamp(started_ns // 1_000_000_000, UTC)
    tail = "".join(secrets.choice(_SUFFIX_LETTERS) for _ in range(3))
    return f"{moment:%Y%m%d-%H%M%S}-{tail}"


def run_record(
    assembly: Assembly,
    data: Sequence[DataSource],
    *,
    run_id: str,
    seed: int,
    started: int,
    symbols: Sequence[Sequence[str]] = (),
) -> RunRecord:
    """Everything that says what a run is before it begins; a replay is built from it.

    `symbols` are those of each recording as the run spells them. `settings` holds them under
    `symbols`, the engine's settings under `engine`, the kinds of recorded bars under
    `native_kinds` and each strategy's class under `classes`.
    """
    instruments = tuple(assembly.market.instruments.values())
    settings: dict[str, Any] = {
        "engine": assembly.settings,
        "native_kinds": assembly.market.native_kinds,
        "symbols": [list(each) for each in symbols],
        "classes": {each.name: each.cls.__name__ for each in assembly.strategies},
    }
    return RunRecord(
        run_id=run_id,
        mode=assembly.settings.account.name,
        venue=instruments[0].venue,
        account=assembly.settings.account.name,
        strategies=tuple(
            StrategySource(each.name, str(each.path), each.source, each.sha256)
            for each in assembly.strategies
        ),
        parameters=msgspec.to_builtins(assembly.parameters, enc_hook=str),
        settings=msgspec.to_builtins(settings),
        data=tuple(data),
        instruments=instruments,
        seed=seed,
        started=started,
    )


class RunJournal:
    """Appends of one run that has begun."""

    def __init__(self, journal_writer: JournalWriter, writer: Writer, run_id: str) -> None:
        self._journal_writer = journal_writer
        self._writer = writer
        self._run_id = run_id
        self._place = 0

    @property
    def place(self) -> int:
        """Where the last append stands in line: what `commit` takes."""
        return self._place

    @property
    def is_full(self) -> bool:
        """Whether so much waits for its commit that the feed must pause."""
        return self._place - self._writer.committed > MOST_WAITING

    def check(self) -> None:
        """Raise the error of the last commit, if it failed."""
        if self._journal_writer.failure is not None:
            raise self._journal_writer.failure

    def commit(self, place: int) -> Awaitable[None]:
        """Return once the append of that place is on disk as `[store] durability` says.

        A flush begins at once. Raises `StoreError` if it failed: then nothing may be sent that
        stands at that place.
        """
        return self._journal_writer.commit(place)

    async def drain(self) -> None:
        """Wait until everything appended so far is committed; raises `StoreError`."""
        await self._journal_writer.ask(Writer.flush)

    def input(self, sequence: int, event: InputEvent, step: Step = EMPTY_STEP) -> None:
        """Keep an event that stands in no recording, in one piece with its Step if it is given."""
        self._place = self._writer.append_input(self._run_id, sequence, event, step)

    def market(self, sequence: int, event: MarketEvent, step: Step = EMPTY_STEP) -> None:
        """Record an event of a feed that cannot be read again; its Step as with `input`."""
        self._place = self._writer.record_market(self._run_id, sequence, event, step)

    def step(self, step: Step) -> None:
        """Keep a decision on its own; an empty Step is nothing.

        Where a killed process must know of each event whether anything was decided on it, the
        Step goes with the event instead.
        """
        self._place = self._writer.append_step(self._run_id, step)

    def snapshot(self, sequence: int, ts: int, payload: bytes) -> None:
        """Keep the engine's whole state after an event."""
        self._place = self._writer.append_snapshot(self._run_id, sequence, ts, payload)

    def reconciliation(self, record: ReconciliationRecord) -> None:
        """Keep what was compared with a venue."""
        self._place = self._writer.append_reconciliation(record)

    def equity(self, sequence: int, ts: int, amounts: tuple[Decimal, Decimal, Decimal]) -> None:
        """Keep a sample of (equity, cash, unrealized P&L)."""
        self._place = self._writer.sample_equity(self._run_id, sequence, ts, amounts)
