"""What one run writes down: its record, its inputs, its decisions, its equity.

Market events of a feed that can be read again are journaled by reference (the sequence number is
the place in the stream); all others are recorded in the same transaction as what was decided on
them. Must never hold anything back: what is appended here will be committed.
"""

import secrets
from collections.abc import Sequence
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import msgspec

from alphaforge.model.market import MarketEvent
from alphaforge.model.step import Step
from alphaforge.services.assembly import Assembly
from alphaforge.services.writer_thread import MOST_WAITING, WriterThread
from alphaforge.store.journal import InputEvent
from alphaforge.store.records import DataSource, RunRecord, StrategySource
from alphaforge.store.writer import Writer

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

    def __init__(self, thread: WriterThread, writer: Writer, run_id: str) -> None:
        self._thread = thread
        self._writer = writer
        self._run_id = run_id
        self._place = 0

    @property
    def is_full(self) -> bool:
        """Whether so much waits for its commit that the feed must pause."""
        return self._place - self._writer.committed > MOST_WAITING

    def check(self) -> None:
        """Raise the error of the last commit, if it failed."""
        if self._thread.failure is not None:
            raise self._thread.failure

    async def drain(self) -> None:
        """Wait until everything appended so far is committed; raises `StoreError`."""
        await self._thread.ask(Writer.flush)

    def input(self, sequence: int, event: InputEvent) -> None:
        """Keep an event that stands in no recording."""
        self._place = self._writer.append_input(self._run_id, sequence, event)

    def market(self, sequence: int, event: MarketEvent) -> None:
        """Record an event of a feed that cannot be read again."""
        self._place = self._writer.record_market(self._run_id, sequence, event)

    def step(self, step: Step) -> None:
        """Keep a decision; an empty Step is nothing."""
        self._place = self._writer.append_step(self._run_id, step)

    def equity(self, sequence: int, ts: int, amounts: tuple[Decimal, Decimal, Decimal]) -> None:
        """Keep a sample of (equity, cash, unrealized P&L)."""
        self._place = self._writer.sample_equity(self._run_id, sequence, ts, amounts)
