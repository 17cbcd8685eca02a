"""An engine that answers what a test tells it to, over a real Unix socket, in a thread of its own.

For what a real engine does seldom or never: a venue that refuses, a kill that gets stuck, an
engine that dies in the middle of an answer.
"""

import asyncio
import os
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import msgspec
from aiohttp import web

from alphaforge.client import engines
from alphaforge.client.records import EngineRecord, OrderRow, SummaryRow
from alphaforge.client.requests import Accepted, KillRecord, Problem
from tests.client.rows import TS, engine_record, row

DIES = "the engine dies over this request"

STATUSES = {401: 4, 403: 4, 404: 7, 422: 6, 409: 9}


class FakeEngine:
    """Attributes:
    record: As it lies in the runtime directory.
    answers: `GET /api/kill` → what it answers, one after the other; the last one stays.
    asked: Method, path and query, and body, in order.
    """

    def __init__(self, record: EngineRecord) -> None:
        self.record = record
        self.answers: dict[str, list[object]] = {"GET /api/live/summary": [summary()]}
        self.asked: list[tuple[str, Any]] = []

    def will(self, what: str, *answers: object) -> None:
        self.answers[what] = list(answers)

    def bodies(self, what: str) -> list[Any]:
        return [body for asked, body in self.asked if asked == what]

    async def handle(self, request: web.Request) -> web.Response:
        body = await request.read()
        what = f"{request.method} {request.path_qs}"
        self.asked.append((what, msgspec.json.decode(body) if body else None))
        waiting = self.answers.get(what) or self.answers.get(f"{request.method} {request.path}")
        if not waiting:
            problem = Problem(code="AF-N000", message=f"no {what}", remedy="", exit_code=7)
            return _json(404, problem)
        answer = waiting.pop(0) if len(waiting) > 1 else waiting[0]
        if answer is DIES:
            assert request.transport is not None
            request.transport.close()
            return web.Response()
        if isinstance(answer, Problem):
            return _json(422, answer)
        return _json(200, answer)


async def _settled() -> None:
    """Whoever only knocked has been let in, and out again."""
    for _ in range(10):
        await asyncio.sleep(0)


def _json(status: int, body: object) -> web.Response:
    return web.Response(
        status=status, body=msgspec.json.encode(body), content_type="application/json"
    )


@contextmanager
def fake_engine(run_id: str = "20261120-091500-fak", **values: object) -> Iterator[FakeEngine]:
    """Serve until the block ends; its record lies in the runtime directory of the environment."""
    engines.prepare_directory()
    path = engines.socket_path(run_id)
    known = {"pid": os.getpid(), "socket": str(path), "mode": "paper", "venue": "sim"}
    engine = FakeEngine(engine_record(run_id, **{**known, **values}))
    ready, loop = threading.Event(), asyncio.new_event_loop()
    done = asyncio.Event()

    async def serve() -> None:
        app = web.Application()
        app.router.add_route("*", "/{path:.*}", engine.handle)
        runner = web.AppRunner(app, shutdown_timeout=0.1)
        await runner.setup()
        site = web.UnixSite(runner, str(path))
        await site.start()
        engines.write(engine.record)
        ready.set()
        await done.wait()
        await _settled()
        await site.stop()
        await runner.cleanup()
        await _settled()

    thread = threading.Thread(target=loop.run_until_complete, args=(serve(),))
    thread.start()
    assert ready.wait(10)
    try:
        yield engine
    finally:
        loop.call_soon_threadsafe(done.set)
        thread.join(10)
        loop.close()
        engines.remove(run_id)
        path.unlink(missing_ok=True)


def summary(**values: object) -> SummaryRow:
    money = dict.fromkeys(
        ("equity", "start_equity", "net_pnl", "day_pnl", "realized_pnl", "unrealized_pnl", "fees"),
        "0",
    )
    return row(SummaryRow, **{**money, "now": TS, "currency": "USDT", **values})


def order(order_id: str = "o-000001", **values: object) -> OrderRow:
    known = {
        "order_id": order_id,
        "ts": TS,
        "ts_last": TS,
        "symbol": "BTC/USDT",
        "side": "BUY",
        "type": "LIMIT",
        "quantity": "1",
        "filled": "0",
        "status": "ACCEPTED",
        "is_open": True,
        "pending": "NONE",
        "reason": "",
    }
    return row(OrderRow, **{**known, **values})


def accepted(*orders: OrderRow, message: str = "done") -> Accepted:
    return Accepted(message=message, orders=orders)


def killing(state: str, **values: object) -> KillRecord:
    steps = dict.fromkeys(("strategies", "orders", "positions", "proof"), "running")
    if state == "done":
        steps = dict.fromkeys(steps, "done")
    known = {"state": state, "steps": steps, "orders_open": 0, "orders_in_doubt": 0}
    counts = {"positions_open": 0, "strategies_running": 0}
    return row(KillRecord, **{**known, **counts, **values})
