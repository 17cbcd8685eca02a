"""Reads what a dead process left: nothing committed changes, no order lacks its intent.

The store's files are copied first, log and all, so that looking at them changes nothing for the
process that comes next. Must read the journal itself, proven row by row, never a view of it.
"""

import shutil
import sqlite3
from collections.abc import Callable, Iterable, Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import msgspec

from alphaforge.engine.client_ids import read_client_order_id
from alphaforge.errors import JournalCorruptError
from alphaforge.model.claims import FillReport, OrderStatusReport
from alphaforge.model.events import OrderAdopted, OrderSubmitted
from alphaforge.model.reports import OutcomeUnknown
from alphaforge.model.step import Step
from alphaforge.store.journal import Chain, InputEvent, read_blocks, read_inputs, read_steps
from tests.fake_venue.terms import DUPLICATE, Books

_QUERIES = {
    "decisions": "SELECT sequence, ts, payload, checksum",
    "inputs": "SELECT sequence, ts, kind, payload, checksum",
    "recording_blocks": "SELECT sequence, last_sequence, count, payload, checksum",
}
_READERS: dict[str, Callable[[Chain, Iterable[Any]], Iterator[Any]]] = {
    "decisions": read_steps,
    "inputs": read_inputs,
    "recording_blocks": read_blocks,
}


class Head(msgspec.Struct):
    """How far a table of a run's journal was proved."""

    sequence: int = -1
    checksum: int = 0
    rows: int = 0


class Journal(msgspec.Struct):
    """What the journals of one store said so far.

    Attributes:
        tags: Run by its client tag.
        intents: Run and sequence at which each client order id was approved.
        words: Sequence at which the venue first spoke of it in that run.
    """

    heads: dict[tuple[str, str], Head] = {}
    tags: dict[str, str] = {}
    intents: dict[str, tuple[str, int]] = {}
    words: dict[tuple[str, str], int] = {}
    rows: int = 0
    found: list[str] = []


class Auditor:
    """Looks at one store after each death.

    Attributes:
        journal: What was learned so far.
    """

    def __init__(self, store: Path, scratch: Path) -> None:
        self.journal = Journal()
        self._store = store
        self._copy = scratch / "copy.db"

    def copied(self) -> Path:
        """The store as it lies there now, its log beside it."""
        for suffix in ("", "-wal"):
            source = Path(f"{self._store}{suffix}")
            target = Path(f"{self._copy}{suffix}")
            target.unlink(missing_ok=True)
            if source.exists():
                shutil.copyfile(source, target)
        Path(f"{self._copy}-shm").unlink(missing_ok=True)
        return self._copy

    def read_on(self) -> list[str]:
        """Prove and read what was committed since the last time; sentences about what is wrong."""
        self.journal.found = []
        if not self._store.exists() or not self._store.stat().st_size:
            return []
        with closing(sqlite3.connect(self.copied())) as database:
            if not database.execute(
                "SELECT 1 FROM sqlite_master WHERE name = 'decisions'"
            ).fetchone():
                return []
            runs = database.execute("SELECT run_id, settings FROM runs").fetchall()
            for run_id, settings in runs:
                tag = msgspec.json.decode(settings)["engine"]["client_tag"]
                self.journal.tags[tag] = run_id
                for table in _QUERIES:
                    self._read_table(database, run_id, table)
        return self.journal.found

    def check_intents(self, books: Books) -> list[str]:
        """Of every order the venue ever took, whether its intent was committed before."""
        journal = self.journal
        found: list[str] = []
        seen: dict[tuple[str, int], str] = {}
        for order in books.orders:
            client_id = order.client_order_id
            made = read_client_order_id(client_id)
            if made is None or client_id not in journal.intents:
                found.append(f"lost: the venue has {client_id}, the journal has no intent of it")
                continue
            twin = seen.setdefault((made.tag, made.number), client_id)
            if twin != client_id:
                found.append(f"doubled: {twin} and {client_id} are one order")
            run_id, sequence = journal.intents[client_id]
            word = journal.words.get((run_id, client_id))
            if word is not None and word <= sequence:
                found.append(f"lost: {client_id} was spoken of at {word}, meant at {sequence}")
        return found

    def _read_table(self, database: sqlite3.Connection, run_id: str, table: str) -> None:
        head = self.journal.heads.setdefault((run_id, table), Head())
        known = database.execute(
            f"SELECT count(*), max(sequence) FROM {table} WHERE run_id = ? AND sequence <= ?",
            (run_id, head.sequence),
        ).fetchone()
        last = database.execute(
            f"SELECT checksum FROM {table} WHERE run_id = ? AND sequence = ?",
            (run_id, head.sequence),
        ).fetchone()
        if known[0] != head.rows or (head.rows and (last is None or last[0] != head.checksum)):
            self.journal.found.append(
                f"lost: {table} of {run_id} held {head.rows} rows up to {head.sequence}, "
                f"now {known[0]}, checksum {head.checksum} → {last}"
            )
        query = (
            f"{_QUERIES[table]} FROM {table} WHERE run_id = ? AND sequence > ? ORDER BY sequence"
        )
        rows = database.execute(query, (run_id, head.sequence)).fetchall()
        chain = Chain(run_id, table, head.checksum)
        try:
            for each in _READERS[table](chain, rows):
                self._learn(run_id, each)
        except JournalCorruptError as error:
            self.journal.found.append(f"lost: {error}")
        if rows:
            head.sequence, head.checksum = rows[-1][0], chain.head
            head.rows += len(rows)
            self.journal.rows += len(rows)

    def _learn(self, run_id: str, each: Step | tuple[int, InputEvent]) -> None:
        if isinstance(each, Step):
            for event in each.events:
                self._learn_decided(run_id, each.sequence, event)
            return
        sequence, event = each
        if isinstance(event, OrderStatusReport | FillReport) and event.client_order_id:
            self.journal.words.setdefault((run_id, event.client_order_id), sequence)
        elif isinstance(event, OutcomeUnknown) and f"{DUPLICATE}:" in event.reason:
            self.journal.found.append(f"doubled: {event.order_id} was sent again: {event.reason}")

    def _learn_decided(self, run_id: str, sequence: int, event: object) -> None:
        journal = self.journal
        if isinstance(event, OrderSubmitted):
            client_id = event.terms.client_order_id
            if client_id in journal.intents:
                journal.found.append(f"doubled: {client_id} was meant twice")
            journal.intents[client_id] = (run_id, sequence)
        elif isinstance(event, OrderAdopted):
            made = read_client_order_id(event.terms.client_order_id)
            if made is not None and journal.tags.get(made.tag) == run_id:
                journal.found.append(
                    f"unknown: {event.terms.client_order_id} is of {run_id}, which adopted it"
                )
