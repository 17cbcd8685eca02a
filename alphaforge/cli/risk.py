"""`alphaforge risk show|arm`: how much of each limit is used, and taking a kill back.

Must compute nothing: the engine does.
"""

from typing import TYPE_CHECKING

import typer

from alphaforge.cli.engine_choice import RunName, ask, engine_of
from alphaforge.cli.invocation import invocation_of
from alphaforge.cli.printing import print_json, print_table, talk
from alphaforge.cli.steering import post, tell

if TYPE_CHECKING:
    from alphaforge.client.connection import Connection
    from alphaforge.client.records import RiskRow, SummaryRow

app = typer.Typer(no_args_is_help=True, help="Show the limits of a running engine, arm it again.")


@app.command()
def show(ctx: typer.Context, run: RunName = None) -> None:
    """Show each limit and how much of it is used.

    alphaforge risk show
    """
    from msgspec import to_builtins

    record = engine_of(ctx, run)
    summary, rows = ask(record, _limits)
    state = {
        "state": summary.risk_state,
        "reason": summary.risk_reason,
        "killed": summary.killed,
    }
    if invocation_of(ctx).as_json:
        limits = [to_builtins(row) for row in rows]
        print_json({"run_id": record.run_id, **state, "limits": limits})
        return
    columns = ("limit", "used", "of", "unit", "%", "nearest")
    cells = [
        (row.name, row.used, row.limit or "off", row.unit, _percent(row.used_pct), row.subject)
        for row in rows
    ]
    print_table(columns, cells, right=("used", "of", "%"))
    why = f", {summary.risk_reason}" if summary.risk_reason else ""
    talk(f"trading is {summary.risk_state}{why}{', killed' if summary.killed else ''}")


def _percent(value: float | None) -> str:
    return "" if value is None else f"{value:.1f}"


async def _limits(engine: "Connection") -> "tuple[SummaryRow, list[RiskRow]]":
    from alphaforge.client.pages import whole
    from alphaforge.client.records import RiskRow, SummaryRow

    rows = await whole(engine, "/api/live/risk", RiskRow)
    return await engine.get_as("/api/live/summary", SummaryRow), rows


@app.command()
def arm(ctx: typer.Context, run: RunName = None) -> None:
    """Take a kill back; what may trade is said by `resume`.

    alphaforge risk arm
    """
    record = engine_of(ctx, run)
    tell(ctx, record, ask(record, lambda engine: post(engine, "/api/risk/arm")))
