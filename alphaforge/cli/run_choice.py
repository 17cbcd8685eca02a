"""Which run a reading command means: the one named, else the latest.

Shared by `export` and `runs`; must never change a run.
"""

from difflib import get_close_matches
from typing import TYPE_CHECKING

from alphaforge.errors import NotFoundError

if TYPE_CHECKING:
    from alphaforge.store.reads import Reader
    from alphaforge.store.records import RunRecord

SHOWN_NEIGHBOURS = 3
"""Run ids named when one is mistyped."""


async def chosen_run(reader: "Reader", run_id: str | None) -> "RunRecord":
    """The named run, or the latest.

    Raises `NotFoundError`: no run at all, or none of that name; the nearest ids are in the remedy.
    """
    if run_id is None:
        found = await reader.runs(limit=1)
        if found:
            return found[0]
        raise NotFoundError(
            "there is no run yet", remedy="type: alphaforge backtest STRATEGY.py --data FILE"
        )
    try:
        return await reader.run(run_id)
    except NotFoundError:
        known = [run.run_id for run in await reader.runs()]
        raise NotFoundError(
            f"there is no run {run_id}", remedy=_neighbours(run_id, known)
        ) from None


def _neighbours(run_id: str, known: list[str]) -> str:
    near = get_close_matches(run_id, known, n=SHOWN_NEIGHBOURS, cutoff=0.5)
    if not known:
        return "nothing has run yet"
    if near:
        return f"did you mean {' or '.join(near)}?"
    return f"the latest are {', '.join(known[:SHOWN_NEIGHBOURS])}; type: alphaforge runs list"
