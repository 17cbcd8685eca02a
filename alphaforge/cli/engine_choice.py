"""Which engine a verb means, and one request to it from a command that waits for nothing else.

No settings are read: a mistake in a file must never keep anybody from stopping an engine. Must
decide nothing about what is asked.
"""

import asyncio
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, TypeVar

import typer

from alphaforge.cli.invocation import invocation_of
from alphaforge.errors import NoEngineError

if TYPE_CHECKING:
    from alphaforge.client.connection import Connection
    from alphaforge.client.records import EngineRecord

RunName = Annotated[
    str | None, typer.Option("--run", metavar="ID", help="Which engine, where several run.")
]
AnyRun = Annotated[
    str | None,
    typer.Option("--run", metavar="ID", help="A running engine, or a run of the store."),
]

WHO = "cli"
"""Who asks, for the journal."""

Answer = TypeVar("Answer")


def project_of(ctx: typer.Context) -> Path | None:
    """The folder of the settings file that would apply; None without one."""
    from alphaforge.services.config import find_project_file

    named = invocation_of(ctx).config
    found = named.resolve() if named is not None else find_project_file(Path.cwd())
    return found.parent if found is not None else None


def engine_of(ctx: typer.Context, run_id: str | None) -> "EngineRecord":
    """The engine that is meant; raises `NoEngineError`, or `UsageError` for several."""
    from alphaforge.client.engines import choose, running

    return choose(running(), run_id, project_of(ctx))


def engine_to_end(ctx: typer.Context, run_id: str | None) -> "EngineRecord":
    """The same, whatever version it is: ending one must always work."""
    from alphaforge.client.engines import choose_any_version, running

    return choose_any_version(running(), run_id, project_of(ctx))


def engine_or_none(ctx: typer.Context, run_id: str | None) -> "EngineRecord | None":
    """The engine that is meant; None where the named run is not running."""
    from alphaforge.client.engines import check_version, find, running

    if run_id is None:
        try:
            return engine_of(ctx, None)
        except NoEngineError as error:
            error.remedy = "name a run that is over: --run ID, as alphaforge runs list shows it"
            raise
    found = find(running(), run_id)
    if found is not None:
        check_version(found)
    return found


def ask(record: "EngineRecord", question: Callable[["Connection"], Awaitable[Answer]]) -> Answer:
    """Connect, ask, leave; raises what the engine answers."""
    return asyncio.run(_ask(record, question))


async def _ask(
    record: "EngineRecord", question: Callable[["Connection"], Awaitable[Answer]]
) -> Answer:
    from alphaforge.client.connection import Connection

    async with Connection(record) as engine:
        return await question(engine)
