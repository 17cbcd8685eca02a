"""`alphaforge runs close|rebuild`: give up a killed run, fold a run's views again.

Must never touch the journal of a run: it is the truth.
"""

from typing import TYPE_CHECKING, Annotated

import typer

from alphaforge.cli.invocation import configuration_of, invocation_of
from alphaforge.cli.printing import counted, print_json, talk
from alphaforge.errors import ExitCode, UsageError

if TYPE_CHECKING:
    from alphaforge.store.records import RunRecord

RunName = Annotated[str, typer.Argument(metavar="ID", help="Which run.")]


def close(ctx: typer.Context, run_id: RunName) -> int:
    """Go on no more with a run that was killed: the next start begins anew from the venue.

    Its orders that still work at the venue are then adopted as `external`.

    alphaforge runs close 20261120-091500-k3f
    """
    from alphaforge.services.clock import SystemClock
    from alphaforge.store.records import RunStatus
    from alphaforge.store.writer import Writer

    url = configuration_of(ctx).store_url
    run = _find(url, run_id)
    if run.status is not RunStatus.RUNNING:
        raise UsageError(
            f"run {run.run_id} is {run.status} already", remedy="type: alphaforge runs show"
        )
    _refuse_if_it_runs(run)
    writer = Writer(url)
    try:
        ended = SystemClock().wall_ns()
        writer.finish_run(run.run_id, RunStatus.FAILED, None, ended, "killed, and closed by hand")
    finally:
        writer.close()
    _say(ctx, {"closed": run.run_id}, f"run {run.run_id} is closed")
    return ExitCode.OK


def rebuild(ctx: typer.Context, run_id: RunName) -> int:
    """Fold a run's orders, fills, positions and alerts again from its journal.

    alphaforge runs rebuild 20261120-091500-k3f
    """
    from alphaforge.store.writer import Writer

    url = configuration_of(ctx).store_url
    run = _find(url, run_id)
    _refuse_if_it_runs(run)
    writer = Writer(url)
    try:
        folded = writer.rebuild_views(run.run_id)
    finally:
        writer.close()
    message = f"run {run.run_id}: its views are folded again from {counted(folded, 'decision')}"
    _say(ctx, {"rebuilt": run.run_id, "decisions": folded}, message)
    return ExitCode.OK


def _find(url: str, run_id: str) -> "RunRecord":
    import asyncio

    from alphaforge.cli.run_choice import chosen_run
    from alphaforge.store.reads import open_reader

    async def find() -> "RunRecord":
        async with open_reader(url) as reader:
            return await chosen_run(reader, run_id)

    return asyncio.run(find())


def _refuse_if_it_runs(run: "RunRecord") -> None:
    """The engine of a run that is alive writes to it."""
    from alphaforge.services.lease import read_holder
    from alphaforge.store.records import RunStatus

    holder = read_holder(run.venue, run.account) if run.status is RunStatus.RUNNING else None
    if holder is not None:
        raise UsageError(
            f"run {run.run_id} is running: process {holder.pid} trades {run.venue}/{run.account}",
            remedy=f"stop it first: kill {holder.pid}",
        )


def _say(ctx: typer.Context, content: dict[str, object], message: str) -> None:
    if invocation_of(ctx).as_json:
        print_json(content)
    else:
        talk(message)
