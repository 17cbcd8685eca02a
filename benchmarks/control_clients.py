"""`python -m benchmarks.control_clients COUNT SYMBOL`: clients of the engine that runs here.

Each keeps a mirror of every channel and watches the symbol. Says `ready` on stdout when all have
their first snapshots, and ends when its stdin does. For `benchmarks.control`.
"""

import asyncio
import os
import sys

from alphaforge.client.connection import Connection
from alphaforge.client.engines import running
from alphaforge.client.messages import Watch
from alphaforge.client.mirror import Mirror
from alphaforge.client.records import EngineRecord


async def look(record: EngineRecord, symbol: str, whole: asyncio.Event) -> None:
    """One client, until canceled."""
    mirror = Mirror()
    async with Connection(record) as engine:
        stream = engine.stream("all", Watch(symbol=symbol, depth=20, kind="1s"))
        async for message in stream:
            wanted = mirror.apply(message)
            if wanted is not None:
                await stream.resend(wanted)
            if mirror.is_whole:
                whole.set()


async def main(count: int, symbol: str) -> None:
    """Attach so many clients and keep them until stdin ends."""
    (record,) = running(os.environ)
    ready = [asyncio.Event() for _ in range(count)]
    async with asyncio.TaskGroup() as tasks:
        looking = [tasks.create_task(look(record, symbol, event)) for event in ready]
        for event in ready:
            await event.wait()
        print("ready", flush=True)
        await asyncio.to_thread(sys.stdin.readline)
        for each in looking:
            each.cancel()


if __name__ == "__main__":
    asyncio.run(main(int(sys.argv[1]), sys.argv[2]))
