"""`alphaforge alerts list|ack`: what the engine thinks a person should know.

Must change nothing but that an alert was read.
"""

from typing import TYPE_CHECKING, Annotated

import typer

from alphaforge.cli.engine_choice import RunName, ask, engine_of
from alphaforge.cli.invocation import invocation_of
from alphaforge.cli.list_texts import moment
from alphaforge.cli.printing import print_json, print_table, talk
from alphaforge.cli.steering import post, tell
from alphaforge.errors import UsageError

if TYPE_CHECKING:
    from alphaforge.client.records import AlertRow

app = typer.Typer(no_args_is_help=True, help="List and acknowledge alerts of a running engine.")

Number = Annotated[int | None, typer.Argument(metavar="NUMBER", min=1, help="As listed.")]
Everything = Annotated[bool, typer.Option("--all", help="Every one.")]
Open = Annotated[bool, typer.Option("--open", help="Only those nobody acknowledged.")]
Limit = Annotated[int, typer.Option("--limit", metavar="N", min=1, help="The newest N.")]


@app.command(name="list")
def list_alerts(
    ctx: typer.Context, unread: Open = False, limit: Limit = 50, run: RunName = None
) -> None:
    """List alerts, the newest last.

    alphaforge alerts list --open
    """
    from msgspec import to_builtins

    from alphaforge.client.pages import newest
    from alphaforge.client.records import AlertRow

    record = engine_of(ctx, run)
    found: list[AlertRow] = ask(
        record, lambda engine: newest(engine, "/api/live/alerts", AlertRow, limit)
    )
    rows = [row for row in found if not (unread and row.acknowledged)]
    if invocation_of(ctx).as_json:
        print_json({"alerts": [to_builtins(row) for row in rows]})
        return
    columns = ("number", "time", "level", "code", "message", "read")
    print_table(columns, [_cells(row) for row in rows], right=("number",))
    if not rows:
        talk("no alert")


def _cells(row: "AlertRow") -> tuple[object, ...]:
    read = "yes" if row.acknowledged else "no"
    return row.number, moment(row.ts), row.level, row.code, row.message, read


@app.command()
def ack(
    ctx: typer.Context, number: Number = None, everything: Everything = False, run: RunName = None
) -> None:
    """Say that an alert was read, or with --all that all were.

    alphaforge alerts ack 3
    """
    if (number is None) is not everything:
        raise UsageError("which alert?", remedy="type: alphaforge alerts ack NUMBER | --all")
    record = engine_of(ctx, run)
    what = "all" if number is None else str(number)
    tell(ctx, record, ask(record, lambda engine: post(engine, f"/api/alerts/{what}/ack")))
