"""The journal's rows: how inputs, market events and Steps become bytes and back, proven unchanged.

Each table of the journal is a chain per run: a row's checksum is the CRC-32 of its key columns and
its payload, continued from the checksum of the row before it. So a flipped bit, a lost row and two
rows in the wrong order all show at a named sequence; the end of a chain is guarded by SQLite's own
transaction log. A CRC finds accidents, not forgers. Bytes that fail are never decoded and never
skipped. Must touch no database: it is given rows and gives rows.
"""

import zlib
from collections.abc import Iterable, Iterator, Sequence
from typing import TypeAlias

import msgspec

from alphaforge.errors import JournalCorruptError
from alphaforge.model.claims import BooksDiffer, Claim, VenueStateChanged
from alphaforge.model.commands import OperatorCommand
from alphaforge.model.market import MarketEvent
from alphaforge.model.reports import OrderReport
from alphaforge.model.step import Step

InputEvent: TypeAlias = (
    OperatorCommand | OrderReport | MarketEvent | Claim | VenueStateChanged | BooksDiffer
)
"""Everything that enters the engine; market events stand among the inputs only when no recording
holds them (a venue time made by a timer)."""

BLOCK_EVENTS = 4_096
"""Most market events in one recording block: what a reader must hold in memory at once."""

_COMPRESSION = 1
"""zlib's quickest: a quarter of the size for 0.3 µs per event, in the writer's thread."""


class _Block(msgspec.Struct, array_like=True):
    """A recording block's content; sequences are counted from the one before (the first from 0)."""

    gaps: list[int]
    events: list[MarketEvent]


_encoder = msgspec.msgpack.Encoder()
_input_decoder = msgspec.msgpack.Decoder(InputEvent)
_step_decoder = msgspec.msgpack.Decoder(Step)
_block_decoder = msgspec.msgpack.Decoder(_Block)

encode = _encoder.encode
"""An input or a Step as bytes; Decimals keep every digit."""


def kind_of(event: InputEvent) -> str:
    """The tag of an input: what it is, readable in the database."""
    return str(event.__struct_config__.tag)


def encode_block(items: Sequence[tuple[int, MarketEvent]]) -> bytes:
    """Market events with their sequence numbers, in rising order, as one compressed block."""
    gaps: list[int] = []
    before = 0
    for sequence, _ in items:
        gaps.append(sequence - before)
        before = sequence
    block = _Block(gaps, [event for _, event in items])
    return zlib.compress(_encoder.encode(block), _COMPRESSION)


def decode_block(payload: bytes) -> Iterator[tuple[int, MarketEvent]]:
    """What `encode_block` wrote, in order."""
    block = _block_decoder.decode(zlib.decompress(payload))
    sequence = 0
    for gap, event in zip(block.gaps, block.events, strict=True):
        sequence += gap
        yield sequence, event


class Chain:
    """The running checksum of one table of one run, for writing and for proving.

    `head` is the checksum of the last row; 0 before the first.
    """

    __slots__ = ("_prefix", "head", "run_id", "table")

    def __init__(self, run_id: str, table: str, head: int = 0) -> None:
        self.run_id = run_id
        self.table = table
        self.head = head
        self._prefix = f"{run_id}|{table}|"

    def add(self, sequence: int, key: str, payload: bytes) -> int:
        """The checksum of the next row; `key` holds its other columns as text."""
        text = f"{self._prefix}{sequence}|{key}|".encode()
        self.head = zlib.crc32(payload, zlib.crc32(text, self.head))
        return self.head

    def prove(self, sequence: int, key: str, payload: bytes, checksum: int) -> None:
        """Raise `JournalCorruptError` unless the next row is the one that was written."""
        # A bit that flipped in a row's header makes text or nothing of its payload.
        proven = isinstance(payload, bytes) and self.add(sequence, key, payload) == checksum  # pyright: ignore[reportUnnecessaryIsInstance] - SQLite types each value, not each column
        if not proven:
            raise JournalCorruptError(
                f"the journal of run {self.run_id} is damaged at sequence {sequence} of "
                f"{self.table}: that row was changed, or the row before it is gone",
                remedy="restore the database from a backup, or give the run up and begin anew from "
                f"what the venue says: alphaforge runs close {self.run_id}",
                run_id=self.run_id,
                table=self.table,
                sequence=sequence,
            )


def snapshot_checksum(run_id: str, sequence: int, ts: int, payload: bytes) -> int:
    """Of one snapshot alone: the ones before it may be gone."""
    return Chain(run_id, "snapshots").add(sequence, str(ts), payload)


InputColumns: TypeAlias = tuple[int, int, str, bytes, int]
"""sequence, ts, kind, payload, checksum"""

StepColumns: TypeAlias = tuple[int, int, bytes, int]
"""sequence, ts, payload, checksum"""

BlockColumns: TypeAlias = tuple[int, int, int, bytes, int]
"""sequence (of the first event), last_sequence, count, payload, checksum"""


def read_inputs(chain: Chain, rows: Iterable[InputColumns]) -> Iterator[tuple[int, InputEvent]]:
    """Prove and decode rows of `inputs`, in sequence order."""
    for sequence, ts, kind, payload, checksum in rows:
        chain.prove(sequence, f"{ts}|{kind}", payload, checksum)
        yield sequence, _input_decoder.decode(payload)


def read_steps(chain: Chain, rows: Iterable[StepColumns]) -> Iterator[Step]:
    """Prove and decode rows of `decisions`, in sequence order."""
    for sequence, ts, payload, checksum in rows:
        chain.prove(sequence, str(ts), payload, checksum)
        yield _step_decoder.decode(payload)


def read_blocks(chain: Chain, rows: Iterable[BlockColumns]) -> Iterator[tuple[int, MarketEvent]]:
    """Prove and decode rows of `recording_blocks`, in sequence order."""
    for sequence, last, count, payload, checksum in rows:
        chain.prove(sequence, f"{last}|{count}", payload, checksum)
        yield from decode_block(payload)
