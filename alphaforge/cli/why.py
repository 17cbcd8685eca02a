"""`alphaforge why ORDER`: one order's whole life in words, of a running engine or a stored run.

Must compute nothing: `services/why` reads the journal.
"""

from typing import TYPE_CHECKING, Annotated

import typer

from alphaforge.cli.engine_choice import AnyRun, engine_or_none
from alphaforge.cli.invocation import configuration_of, invocation_of
from alphaforge.cli.printing import print_json, print_table, talk
from alphaforge.errors import NoEngineError

if TYPE_CHECKING:
    from alphaforge.client.records import EngineRecord
    from alphaforge.client.requests import WhyRecord

OrderName = Annotated[str, typer.Argument(metavar="ORDER", help="As o-000007, or only 7.")]


def why(ctx: typer.Context, order: OrderName, run: AnyRun = None) -> None:
    """Tell one order's life: what was seen, each check, each message, each fill, what it earned.

    alphaforge why o-000007
    """
    import asyncio

    from msgspec import to_builtins

    found = asyncio.run(_tell(ctx, order, run))
    if invocation_of(ctx).as_json:
        print_json(to_builtins(found))
        return
    talk(found.summary)
    rows = [
        (line.ts[11:23], f"+{line.after_ms:,.1f}", line.what, line.text) for line in found.lines
    ]
    print_table(("time", "ms", "what", "in words"), rows, right=("ms",))


async def _tell(ctx: typer.Context, order: str, run: str | None) -> "WhyRecord":
    """From the engine that is meant, else from the run that is."""
    from alphaforge.cli.run_choice import chosen_run
    from alphaforge.services.why import why as tell_life
    from alphaforge.store.reads import open_reader

    record = _engine(ctx, run)
    if record is not None:
        return await _asked(record, order)
    url = configuration_of(ctx).store_url
    async with open_reader(url) as reader:
        chosen = await chosen_run(reader, run)
    return await tell_life(url, chosen.run_id, order)


async def _asked(record: "EngineRecord", order: str) -> "WhyRecord":
    from urllib.parse import quote

    from alphaforge.client.connection import Connection
    from alphaforge.client.requests import WhyRecord

    async with Connection(record) as engine:
        return await engine.get_as(f"/api/orders/{quote(order, safe='')}/why", WhyRecord)


def _engine(ctx: typer.Context, run: str | None) -> "EngineRecord | None":
    """A journal can be read without an engine: then the latest run is meant."""
    try:
        return engine_or_none(ctx, run)
    except NoEngineError:
        return None
