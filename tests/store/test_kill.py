"""What was reported as committed is there after SIGKILL, and everything there is whole."""

import os
import random
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from alphaforge.store.reads import open_reader
from alphaforge.store.writer import Writer
from tests.store.stories import record

RUN = record().run_id

WRITE_FOR_EVER = """
import sys
from alphaforge.model.commands import StartSession
from alphaforge.model.enums import OrderSide
from alphaforge.model.market import Trade
from alphaforge.store.writer import Writer
from tests.store.stories import Desk, record

run_id = record().run_id
writer = Writer(sys.argv[1], durability=sys.argv[2])
writer.begin_run(record())
desk = Desk()
while True:
    for step in desk.trade(OrderSide.BUY, "0.1", "61000.5"):
        writer.record_market(run_id, step.sequence, Trade("BTC/USDT", step.ts, 61000.5, 0.1))
        writer.append_input(run_id, step.sequence, StartSession(step.ts))
        writer.append_step(run_id, step)
    writer.flush()
    print(desk.sequence, flush=True)
"""


def killed_while_writing(url: str, durability: str, lines: int) -> int:
    """Kill a writer after it has reported that many commits; the last sequence it reported."""
    command = [sys.executable, "-c", WRITE_FOR_EVER, url, durability]
    environment = {**os.environ, "PYTHONPATH": str(Path(__file__).parents[2])}
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=environment) as process:
        told = [process.stdout.readline() for _ in range(lines)]
        process.send_signal(signal.SIGKILL)
        rest = process.stdout.read()  # `communicate` would lose what this buffer holds already
    return max(map(int, [*told, *rest.split()]))


@pytest.mark.parametrize("durability", ["process", "power"])
@pytest.mark.parametrize("seed", range(3))
async def test_no_committed_row_is_lost_and_no_transaction_is_half_there(url, seed, durability):
    committed = killed_while_writing(url, durability, random.Random(seed).randrange(1, 120))
    async with open_reader(url) as reader:
        steps = [step async for chunk in reader.decisions(RUN) for step in chunk]
        inputs = [each async for chunk in reader.inputs(RUN) for each in chunk]
        market = [each async for chunk in reader.recordings(RUN) for each in chunk]
        fills = [row async for chunk in reader.fills() for row in chunk]
    assert len(steps) in {committed, committed + 2}
    sequences = list(range(1, len(steps) + 1))
    assert [step.sequence for step in steps] == sequences
    assert [sequence for sequence, _ in inputs] == [sequence for sequence, _ in market] == sequences
    assert len(fills) == len(steps) / 2
    writer = Writer(url)
    writer.resume_run(RUN)
    assert writer.rebuild_views(RUN) == len(steps)
    writer.close()
