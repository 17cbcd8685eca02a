"""`alphaforge pause|resume|stop`: what an operator says to a running engine as a whole.

Must decide nothing: the engine does it, journals who asked, and says what it did.
"""

import asyncio
import os
from typing import TYPE_CHECKING, Final

import typer

from alphaforge.cli.engine_choice import WHO, RunName, ask, engine_of, engine_to_end
from alphaforge.cli.invocation import invocation_of
from alphaforge.cli.printing import print_json, talk
from alphaforge.cli.waiting import Wait, until
from alphaforge.errors import PartlyDoneError

if TYPE_CHECKING:
    from alphaforge.client.connection import Connection
    from alphaforge.client.records import EngineRecord
    from alphaforge.client.requests import Accepted

STOP_SECONDS: Final = 30.0


def pause(ctx: typer.Context, run: RunName = None) -> None:
    """Let only orders pass that bring positions down, until `resume`.

    alphaforge pause
    """
    record = engine_of(ctx, run)
    tell(ctx, record, ask(record, lambda engine: post(engine, "/api/pause")))


def resume(ctx: typer.Context, run: RunName = None) -> None:
    """Trade again after a `pause`.

    alphaforge resume
    """
    record = engine_of(ctx, run)
    tell(ctx, record, ask(record, lambda engine: post(engine, "/api/resume")))


def stop(ctx: typer.Context, run: RunName = None, wait: Wait = STOP_SECONDS) -> None:
    """End a running engine in order: strategies stop, resting orders stay, everything is kept.

    alphaforge stop
    """
    record = engine_to_end(ctx, run)
    accepted = ask(record, lambda engine: post(engine, "/api/stop"))
    if wait:
        talk(accepted.message)
        if not asyncio.run(until(lambda: _is_over(record), bool, wait)):
            raise PartlyDoneError(
                f"run {record.run_id} was asked to stop and has not ended after {wait:g} s",
                remedy=f"see what it does: alphaforge logs --run {record.run_id}, or end it at "
                f"once: kill {record.pid}",
            )
        accepted.message = f"run {record.run_id} has ended"
    tell(ctx, record, accepted)


async def post(engine: "Connection", path: str) -> "Accepted":
    """Ask for something that needs no more words than its path."""
    from alphaforge.client.requests import Accepted, Who

    return await engine.post(path, Who(who=WHO), Accepted)


def tell(ctx: typer.Context, record: "EngineRecord", accepted: "Accepted") -> None:
    """Print what the engine did."""
    from msgspec import to_builtins

    if invocation_of(ctx).as_json:
        found: dict[str, object] = to_builtins(accepted)
        del found["schema"]
        print_json({"run_id": record.run_id, **found})
    else:
        print(accepted.message)


async def _is_over(record: "EngineRecord") -> bool:
    """Whether the process is gone; its record may be gone before it."""
    try:
        os.kill(record.pid, 0)
    except ProcessLookupError:
        return True
    return _is_zombie(record.pid)


def _is_zombie(pid: int) -> bool:
    """Whether it has ended and only its parent has not looked yet; False where nobody can tell."""
    try:
        with open(f"/proc/{pid}/stat", encoding="ascii", errors="replace") as file:  # noqa: PTH123 - not a file of ours
            return file.read().rpartition(")")[2].split()[:1] == ["Z"]
    except OSError:
        return False
