"""Feeds a run's recorded inputs through a fresh engine and compares every Step with the journal.

The proof that a run can be repeated: same inputs in the same order, same bytes out. Inputs of the
journal carry their sequence numbers; every number between belongs to the market: to the recording
the run was fed from, or to the blocks it recorded itself. Must write nothing.
"""

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import aclosing
from typing import Final, NamedTuple, TypeVar

from alphaforge.engine.core import Engine
from alphaforge.errors import DifferenceError, StoreError
from alphaforge.marketdata.dataset import Dataset, merge, open_dataset
from alphaforge.model.commands import StopSession
from alphaforge.model.market import MarketEvent
from alphaforge.model.step import EMPTY_STEP, Step
from alphaforge.services.rebuilding import rebuild_engine
from alphaforge.store.journal import InputEvent, encode
from alphaforge.store.reads import Reader, open_reader
from alphaforge.store.records import RunRecord

_BURST: Final = 256
"""Events between two breaths of the loop."""

Item = TypeVar("Item")


class Difference(NamedTuple):
    """The first Step that is not the journaled one; None on a side where there was none."""

    sequence: int
    journaled: Step | None
    replayed: Step | None


class ReplayReport(NamedTuple):
    """What a replay found.

    Attributes:
        events: Fed, inputs and market together.
        steps: Non-empty Steps that were equal, byte for byte.
        difference: Where it stopped; None if the run was repeated to its end.
    """

    run_id: str
    events: int
    steps: int
    difference: Difference | None


async def replay(url: str, run_id: str) -> ReplayReport:
    """Repeat a run of the journal at `url`.

    A strategy file that has changed since is replayed as it was then. Raises `NotFoundError` for
    a run or a recording that is gone, `DifferenceError` for a recording that has changed,
    `StoreError` for a run without decisions (a backtest is simply run again).
    """
    async with open_reader(url) as reader:
        run = await reader.run(run_id)
        inputs = {sequence: event async for sequence, event in _flat(reader.inputs(run_id))}
        if not inputs:
            raise StoreError(
                f"run {run_id} keeps no inputs", remedy="a backtest is repeated by running it again"
            )
        engine = rebuild_engine(run)
        async with (
            aclosing(_events(reader, run, inputs)) as events,
            aclosing(_flat(reader.decisions(run_id))) as journaled,
        ):
            return await _compare(run_id, engine, events, journaled)


async def _compare(
    run_id: str,
    engine: Engine,
    events: AsyncIterator[MarketEvent | InputEvent],
    journaled: AsyncIterator[Step],
) -> ReplayReport:
    equal = 0
    expected = await anext(journaled, None)
    async for event in events:
        step = _process(engine, event, expected)
        sequence = engine.sequence
        known = expected if expected is not None and expected.sequence == sequence else None
        if step is EMPTY_STEP and known is None:
            if not sequence % _BURST:
                await asyncio.sleep(0)
            continue
        made = None if step is EMPTY_STEP else step
        if made is None or known is None or encode(made) != encode(known):
            return ReplayReport(run_id, sequence, equal, Difference(sequence, known, made))
        equal += 1
        expected = await anext(journaled, None)
    if expected is not None:
        missing = Difference(expected.sequence, expected, None)
        return ReplayReport(run_id, engine.sequence, equal, missing)
    return ReplayReport(run_id, engine.sequence, equal, None)


def _process(engine: Engine, event: MarketEvent | InputEvent, expected: Step | None) -> Step:
    """Take one event; a callback that was interrupted then is not called now."""
    if expected is None or expected.sequence != engine.sequence + 1 or not expected.alerts:
        return engine.process(event)
    with engine.strategies.stop_instead_of(expected):
        return engine.process(event)


async def _events(
    reader: Reader, run: RunRecord, inputs: dict[int, InputEvent]
) -> AsyncGenerator[MarketEvent | InputEvent]:
    """Inputs and market events by sequence number, up to the last one that entered the engine."""
    last = await _last_sequence(reader, run, inputs)
    market = _recorded(run) if run.data else _kept(reader, run.run_id)
    async with aclosing(market):
        for sequence in range(1, last + 1):
            event = inputs.get(sequence)
            found = event if event is not None else await anext(market, None)
            if found is None:
                return
            yield found


async def _last_sequence(reader: Reader, run: RunRecord, inputs: dict[int, InputEvent]) -> int:
    """Where the run ended; for one that was killed, the last event that left a trace."""
    last = max(inputs)
    if isinstance(inputs[last], StopSession):
        return last
    async for steps in reader.decisions(run.run_id):
        last = max(last, steps[-1].sequence)
    if not run.data:
        async for events in reader.recordings(run.run_id):
            last = max(last, events[-1][0])
    return last


async def _recorded(run: RunRecord) -> AsyncGenerator[MarketEvent]:
    """The market events of the recordings a run was fed from."""
    for batch in merge([_open_again(run, number) for number in range(len(run.data))]):
        for event in batch:
            yield event


def _open_again(run: RunRecord, number: int) -> Dataset:
    source = run.data[number]
    symbols: list[str] = run.settings["symbols"][number]
    kind = source.format.removeprefix("csv-")
    dataset = open_dataset(
        source.path,
        symbol=symbols[0] if len(symbols) == 1 else None,
        wanted=symbols,
        kind=kind if kind in {"bars", "trades", "quotes"} else None,
        instruments={instrument.symbol: instrument for instrument in run.instruments},
    )
    if dataset.fingerprint != source.fingerprint:
        raise DifferenceError(
            f"{source.path} is not the recording that run {run.run_id} was fed from",
            remedy="put the recording of then back in its place",
        )
    return dataset


async def _kept(reader: Reader, run_id: str) -> AsyncGenerator[MarketEvent]:
    """The market events a run recorded itself."""
    async for _, event in _flat(reader.recordings(run_id)):
        yield event


async def _flat(pages: AsyncIterator[list[Item]]) -> AsyncGenerator[Item]:
    async for page in pages:
        for item in page:
            yield item
