"""`alphaforge reconcile`: have a running engine compare its books with the venue, and say what.

Exit 10 where something differs. Must never talk to a venue: only the engine that holds the account
does.
"""

from typing import TYPE_CHECKING, Annotated

import typer

from alphaforge.cli.invocation import configuration_of, invocation_of
from alphaforge.cli.printing import counted, print_json, print_table, talk
from alphaforge.errors import ExitCode, NoEngineError, NotFoundError

if TYPE_CHECKING:
    from alphaforge.services.lease_file import Holder
    from alphaforge.store.records import ReconciliationRecord

Explain = Annotated[bool, typer.Option("--explain", help="Each difference and where it is from.")]
Last = Annotated[bool, typer.Option("--last", help="What was found last, without asking again.")]
RunName = Annotated[str | None, typer.Option("--run", metavar="ID", help="The latest if left out.")]
Wait = Annotated[
    float, typer.Option("--wait", metavar="SECONDS", min=0.1, help="How long to wait for it.")
]


def reconcile(
    ctx: typer.Context,
    explain: Explain = False,
    last: Last = False,
    run: RunName = None,
    wait: Wait = 15.0,
) -> int:
    """Compare a running engine's books with its venue, now.

    alphaforge reconcile --explain
    """
    import asyncio

    url = configuration_of(ctx).store_url
    record = asyncio.run(_last(url, run) if last or run else _now(url, wait))
    _tell(record, as_json=invocation_of(ctx).as_json, explain=explain)
    return ExitCode.DIFFERENCES if record.differences else ExitCode.OK


async def _now(url: str, wait: float) -> "ReconciliationRecord":
    from alphaforge.services.asking import ask_to_reconcile
    from alphaforge.store.reads import open_reader

    holder = _holder(url)
    async with open_reader(url) as reader:
        running = [each for each in await reader.runs() if each.status == "running"]
        runs = [each for each in running if each.venue == holder.venue]
        if not runs:
            raise NoEngineError(
                f"the engine of {holder.venue}/{holder.account} (pid {holder.pid}) has not begun "
                "its run yet",
                remedy="try again in a moment",
            )
        return await ask_to_reconcile(reader, runs[0].run_id, holder, wait)


def _holder(url: str) -> "Holder":
    """The engine that trades over a wire and keeps its books in this store."""
    from alphaforge.services.lease import holders

    found = [each for each in holders() if each.store in ("", url)]
    if not found:
        raise NoEngineError(
            "no engine is running that trades over a wire",
            remedy="see what the last one found: alphaforge reconcile --last --explain",
        )
    return found[0]


async def _last(url: str, run_id: str | None) -> "ReconciliationRecord":
    from alphaforge.cli.run_choice import chosen_run
    from alphaforge.store.reads import open_reader

    async with open_reader(url) as reader:
        run = await chosen_run(reader, run_id)
        found = await reader.reconciliations(run.run_id, limit=1)
    if not found:
        raise NotFoundError(
            f"run {run.run_id} never compared its books with a venue: its orders were simulated",
            remedy="name another run: alphaforge runs list",
        )
    return found[0]


def _tell(record: "ReconciliationRecord", *, as_json: bool, explain: bool) -> None:
    from msgspec import to_builtins

    from alphaforge.store.export import iso_time

    if as_json:
        print_json({**to_builtins(record), "ts": iso_time(record.ts)})
        return
    rows = [
        ("run", record.run_id),
        ("when", iso_time(record.ts)),
        ("cause", record.reason),
        ("took", f"{record.seconds:.3f} s"),
        ("orders checked", record.orders_checked),
        ("trades new to us", record.trades),
        ("orders adopted", record.adopted),
        ("orders proved absent", record.absent),
        ("doubts resolved", record.resolved),
        ("differences", len(record.differences)),
    ]
    print_table(("reconciliation", ""), rows)
    if explain and record.differences:
        columns = ("kind", "subject", "ours", "theirs", "cause")
        shown = [
            (each.kind, each.subject, each.ours, each.theirs, each.cause)
            for each in record.differences
        ]
        print_table(columns, shown, right=("ours", "theirs"))
    elif record.differences:
        talk(f"{counted(len(record.differences), 'difference')}: see them with --explain")
