"""`alphaforge reconcile`: have a running engine compare its books with the venue, and say what.

Exit 10 where something differs. Must never talk to a venue: only the engine that holds the account
does.
"""

from typing import TYPE_CHECKING, Annotated

import typer

from alphaforge.cli.engine_choice import WHO, project_of
from alphaforge.cli.invocation import configuration_of, invocation_of
from alphaforge.cli.printing import counted, print_json, print_table, talk
from alphaforge.cli.waiting import until
from alphaforge.errors import ExitCode, NoEngineError, NotFoundError

if TYPE_CHECKING:
    from alphaforge.client.records import EngineRecord
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
    engine = None if last else _served(ctx, run)
    if engine is not None:
        record = asyncio.run(_served_now(url, engine, wait))
    else:
        record = asyncio.run(_last(url, run) if last or run else _now(url, wait))
    _tell(record, as_json=invocation_of(ctx).as_json, explain=explain)
    return ExitCode.DIFFERENCES if record.differences else ExitCode.OK


def _served(ctx: typer.Context, run: str | None) -> "EngineRecord | None":
    """The engine that is meant, where one serves its control API; None leaves it to a signal."""
    from alphaforge.client.engines import choose, find, running

    records = running()
    if run is not None:
        return find(records, run)
    return choose(records, None, project_of(ctx)) if records else None


async def _served_now(url: str, record: "EngineRecord", wait: float) -> "ReconciliationRecord":
    """Ask by the API, and wait for the report that the engine keeps in its store."""
    from alphaforge.client.connection import Connection
    from alphaforge.client.requests import Accepted, Who
    from alphaforge.store.reads import open_reader

    url = record.store if record.store.startswith("sqlite") else url
    async with open_reader(url) as reader, Connection(record) as engine:

        async def newest() -> "ReconciliationRecord | None":
            found = await reader.reconciliations(record.run_id, limit=1)
            return found[0] if found else None

        before = await newest()
        accepted = await engine.post("/api/reconcile", Who(who=WHO), Accepted)
        run = await reader.run(record.run_id)
        if run.mode not in {"sandbox", "live"}:
            raise NotFoundError(accepted.message, remedy="its orders are simulated")
        found = await until(newest, lambda report: report is not None and report != before, wait)
    if found is None or found == before:
        raise NoEngineError(
            f"the engine of run {record.run_id} did not finish a reconciliation within {wait:g} s: "
            "its venue may be out of reach",
            remedy="see what it found last: alphaforge reconcile --explain --last",
        )
    return found


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
