"""`alphaforge runs list|show|close|rebuild|rm`: what has run, from what, and how it ended.

Must never change a run; `rm` takes one away whole, and only when told twice.
"""

import sys
from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Annotated, cast

import typer

from alphaforge.cli import run_mending
from alphaforge.cli.invocation import configuration_of, invocation_of
from alphaforge.cli.printing import print_json, print_table, talk
from alphaforge.errors import ExitCode, NotFoundError, UsageError
from alphaforge.store.export import iso_time

if TYPE_CHECKING:
    from alphaforge.store.records import RunRecord

app = typer.Typer(no_args_is_help=True, help="List, show, mend and remove runs.")
app.command(name="close")(run_mending.close)
app.command(name="rebuild")(run_mending.rebuild)

RunName = Annotated[str | None, typer.Argument(metavar="ID", help="The latest if left out.")]
Limit = Annotated[
    int | None, typer.Option("--limit", metavar="N", min=1, help="The newest N only.")
]
Yes = Annotated[bool, typer.Option("--yes", "-y", help="Do not ask.")]

_COLUMNS = (
    "run_id",
    "started",
    "mode",
    "status",
    "strategies",
    "symbols",
    "fills",
    "net_pnl",
)


@app.command(name="list")
def list_runs(ctx: typer.Context, limit: Limit = None) -> None:
    """List runs, the newest first.

    alphaforge runs list --limit 10
    """
    import asyncio

    url = configuration_of(ctx).store_url
    runs = asyncio.run(_all(url, limit))
    as_json = invocation_of(ctx).as_json
    if as_json:
        print_json({"runs": [_listed(run) for run in runs]})
        return
    rows = [_row(run) for run in runs]
    print_table(_COLUMNS, rows, right=("fills", "net_pnl"))
    if not rows:
        talk("nothing has run yet; type: alphaforge backtest STRATEGY.py --data FILE")


async def _all(url: str, limit: int | None) -> "list[RunRecord]":
    from alphaforge.store.reads import open_reader

    try:
        async with open_reader(url) as reader:
            return await reader.runs(limit)
    except NotFoundError:
        return []


def _listed(run: "RunRecord") -> dict[str, object]:
    summary = run.summary or {}
    return {
        "run_id": run.run_id,
        "started": iso_time(run.started),
        "ended": None if run.ended is None else iso_time(run.ended),
        "mode": run.mode,
        "status": run.status,
        "strategies": [each.name for each in run.strategies],
        "symbols": [each.symbol for each in run.instruments],
        "fills": summary.get("fills"),
        "net_pnl": _net_pnl(summary),
    }


def _net_pnl(summary: dict[str, object]) -> object:
    """A backtest says it; for any other run it is what its equity gained."""
    from alphaforge.model.numbers import EXACT, decimal_of, plain

    if "net_pnl" in summary or "equity" not in summary:
        return summary.get("net_pnl")
    ends = (decimal_of(str(summary[name])) for name in ("equity", "start_equity"))
    return plain(EXACT.subtract(*ends))


def _row(run: "RunRecord") -> list[object]:
    listed = _listed(run)
    listed["started"] = str(listed["started"])[:19].replace("T", " ")
    listed["strategies"] = ", ".join(each.name for each in run.strategies)
    listed["symbols"] = ", ".join(each.symbol for each in run.instruments)
    return [listed[column] for column in _COLUMNS]


@app.command()
def show(ctx: typer.Context, run_id: RunName = None) -> None:
    """Show everything a run's record says: source, data, instruments, parameters, figures.

    alphaforge runs show
    """
    import asyncio

    run = asyncio.run(_one(configuration_of(ctx).store_url, run_id))
    facts = _facts(run)
    if invocation_of(ctx).as_json:
        print_json(facts)
        return
    print_table(("fact", "value"), list(_lines(facts)))


async def _one(url: str, run_id: str | None) -> "RunRecord":
    from alphaforge.cli.run_choice import chosen_run
    from alphaforge.store.reads import open_reader

    async with open_reader(url) as reader:
        return await chosen_run(reader, run_id)


def _facts(run: "RunRecord") -> dict[str, object]:
    """The record, times as text; the text of a strategy's file is left to `--json`."""
    import msgspec

    plain: dict[str, object] = msgspec.to_builtins(run)
    plain["started"] = iso_time(run.started)
    plain["ended"] = None if run.ended is None else iso_time(run.ended)
    return plain


def _lines(facts: Mapping[str, object], above: str = "") -> Iterator[tuple[str, str]]:
    """Every leaf with its dotted name, for a person; what is empty is left out."""
    for key, value in facts.items():
        name = above + key
        if isinstance(value, dict):
            yield from _lines(cast("dict[str, object]", value), f"{name}.")
        elif isinstance(value, list | tuple):
            items = cast("Sequence[object]", value)
            yield from _lines({_label(item, at): item for at, item in enumerate(items)}, f"{name}.")
        elif value is not None and value != "" and not _is_source_text(name):
            yield name, str(value)


def _is_source_text(name: str) -> bool:
    """The text of a strategy's file: its digest is enough here, `--json` has it whole."""
    return name.startswith("strategies.") and name.endswith(".source")


def _label(item: object, place: int) -> str:
    """What a list's item is called: its symbol or name, else its place."""
    if isinstance(item, dict):
        facts = cast("dict[str, object]", item)
        for key in ("symbol", "name", "number"):
            if key in facts:
                return str(facts[key])
    return str(place)


@app.command(name="rm")
def remove(
    ctx: typer.Context,
    run_id: Annotated[str, typer.Argument(metavar="ID", help="Which run.")],
    yes: Yes = False,
) -> None:
    """Remove a run with all its orders, fills and samples; asks first.

    alphaforge runs rm 20261120-091500-k3f
    """
    import asyncio

    from alphaforge.store.removal import remove_run

    url = configuration_of(ctx).store_url
    run = asyncio.run(_one(url, run_id))
    if not yes:
        _ask(run)
    remove_run(url, run.run_id)
    if invocation_of(ctx).as_json:
        print_json({"removed": run.run_id})
    else:
        talk(f"run {run.run_id} is gone")


def _ask(run: "RunRecord") -> None:
    """Ask on a terminal; elsewhere nobody can answer, so it must have been said before."""
    from alphaforge.store.records import RunStatus

    if not (sys.stdin.isatty() and sys.stderr.isatty()):
        raise UsageError(f"removing run {run.run_id} cannot be undone", remedy="say so: add --yes")
    what = f"{run.mode} of {', '.join(each.name for each in run.strategies)}"
    doubt = ", which seems to be running" if run.status is RunStatus.RUNNING else ""
    if not typer.confirm(f"remove run {run.run_id} ({what}){doubt} for good?", err=True):
        talk("nothing was removed")
        raise typer.Exit(ExitCode.FAILED)
