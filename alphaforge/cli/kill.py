"""`alphaforge kill`: the kill switch, asked for by a typed word and watched until it is proven.

Exit 0 only when the engine has proof of every line. Must never say more than the engine proved.
"""

import asyncio
import sys
from typing import TYPE_CHECKING, Annotated, Final

import typer

from alphaforge.cli.engine_choice import WHO, RunName, ask, engine_to_end
from alphaforge.cli.invocation import has_color, invocation_of
from alphaforge.cli.printing import counted, print_json, talk
from alphaforge.cli.waiting import Wait
from alphaforge.errors import ExitCode, PartlyDoneError, UsageError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from alphaforge.client.connection import Connection
    from alphaforge.client.records import EngineRecord, SummaryRow
    from alphaforge.client.requests import KillRecord

Flat = Annotated[bool, typer.Option("--flatten", help="Close every position at the market too.")]
Yes = Annotated[bool, typer.Option("--yes", "-y", help="Do not ask for the typed word.")]

WORD: Final = "KILL"
KILL_SECONDS: Final = 120.0
LOOK_SECONDS: Final = 0.2

_MARKS: Final = {"done": "✓", "running": "…", "waiting": "·", "failed": "×"}
_COLOURS: Final = {"done": 32, "running": 33, "failed": 31}


def kill(
    ctx: typer.Context,
    flatten: Flat = False,
    yes: Yes = False,
    run: RunName = None,
    wait: Wait = KILL_SECONDS,
) -> int:
    """Stop every strategy, cancel every order, with --flatten close every position; and prove it.

    alphaforge kill --flatten
    """
    record = engine_to_end(ctx, run)
    if not yes:
        _ask_for_the_word(record, flatten=flatten)
    try:
        found = ask(record, lambda engine: _kill(engine, flatten, wait))
    except KeyboardInterrupt:
        talk(
            f"the kill goes on in the engine of run {record.run_id}; "
            f"see how far it is: alphaforge kill --yes --run {record.run_id}"
        )
        return ExitCode.INTERRUPTED
    if invocation_of(ctx).as_json:
        from msgspec import to_builtins

        print_json({"run_id": record.run_id, **to_builtins(found)})
    if found.state != "done":
        raise _not_proven(record, found, wait)
    talk(_proven(found))
    return ExitCode.OK


def _ask_for_the_word(record: "EngineRecord", *, flatten: bool) -> None:
    if not (sys.stdin.isatty() and sys.stderr.isatty()):
        raise UsageError(
            "nobody is here to type the word that a kill asks for", remedy="say so: add --yes"
        )
    summary = ask(record, _summary)
    talk(f"This will, in run {record.run_id} on {record.venue} ({record.mode}):")
    strategies = "strategy" if summary.strategies_running == 1 else "strategies"
    talk(f"  stop {summary.strategies_running} running {strategies}")
    talk(f"  cancel {counted(summary.orders_open, 'open order')}")
    if flatten:
        talk(f"  close {counted(summary.positions_open, 'position')} at the market")
    talk("Nothing new will trade until: alphaforge risk arm")
    typed: str = typer.prompt(f"type {WORD} to do it", err=True, default="", show_default=False)
    if typed != WORD:
        talk("nothing was done")
        raise typer.Exit(ExitCode.FAILED)


async def _summary(engine: "Connection") -> "SummaryRow":
    from alphaforge.client.records import SummaryRow

    return await engine.get_as("/api/live/summary", SummaryRow)


async def _kill(engine: "Connection", flatten: bool, wait: float) -> "KillRecord":
    """Use it, and look until it is over; a kill goes on whether anybody looks or not."""
    from alphaforge.client.errors import EngineLostError
    from alphaforge.client.requests import KillRecord, KillRequest

    request = KillRequest(flatten=flatten, reason="alphaforge kill", who=WHO)
    found = await engine.post("/api/kill", request, KillRecord)
    checklist, waited = _Checklist(), 0.0
    while True:
        checklist.show(found)
        if found.state in {"done", "stuck"} or waited >= wait:
            return found
        await asyncio.sleep(LOOK_SECONDS)
        waited += LOOK_SECONDS
        try:
            found = await engine.get_as("/api/kill", KillRecord)
        except EngineLostError as error:
            raise PartlyDoneError(
                f"the engine went away before the kill was proven ({error.message})",
                remedy="look at the venue itself, or start the run again and kill it",
            ) from error


class _Checklist:
    """The steps on stderr: redrawn in place on a terminal, a line for each change elsewhere."""

    def __init__(self) -> None:
        self._is_live = sys.stderr.isatty()
        self._drawn: tuple[str, ...] = ()

    def show(self, found: "KillRecord") -> None:
        lines = tuple(_lines(found))
        if not self._is_live:
            for line in lines:
                if line not in self._drawn:
                    talk(line)
        elif lines != self._drawn:
            up = f"\x1b[{len(self._drawn)}F\x1b[J" if self._drawn else ""
            sys.stderr.write(up + "\n".join(lines) + "\n")
            sys.stderr.flush()
        self._drawn = lines


def _lines(found: "KillRecord") -> "Sequence[str]":
    counts = {
        "strategies": f"{found.strategies_running} running",
        "orders": f"{found.orders_open} open, {found.orders_in_doubt} in doubt",
        "positions": f"{found.positions_open} open" if found.flatten else "left as they are",
        "proof": "asked of the venue",
    }
    lines = [
        f"{_painted(state)} {name:<11}{state:<9}{counts.get(name, '')}".rstrip()
        for name, state in found.steps.items()
    ]
    return [*lines, *(f"! {problem}" for problem in found.problems)]


def _painted(state: str) -> str:
    mark, colour = _MARKS.get(state, "?"), _COLOURS.get(state)
    if colour is None or not has_color(sys.stderr):
        return mark
    return f"\x1b[{colour}m{mark}\x1b[0m"


def _proven(found: "KillRecord") -> str:
    flat = ", no position is open" if found.flatten else ""
    return f"killed: no strategy runs, no order is open{flat}; to trade again: alphaforge risk arm"


def _not_proven(record: "EngineRecord", found: "KillRecord", wait: float) -> PartlyDoneError:
    why = "; ".join(found.problems) or f"it is not proven after {wait:g} s"
    still = "it needs a person" if found.state == "stuck" else "it goes on in the engine"
    return PartlyDoneError(
        f"the kill of run {record.run_id} is not done: {why} ({found.orders_open} orders and "
        f"{found.positions_open} positions open, {found.orders_in_doubt} in doubt); {still}",
        remedy=f"look again: alphaforge kill --yes --run {record.run_id}",
    )
