"""What the store holds beside the running engine: its runs, and the life of any order in words.

Reads go through the task that owns the store's connection, so the engine's loop never waits for a
disk. Must write nothing.
"""

import asyncio
from typing import Any, Final

from alphaforge.client.answers import RunAnswer, RunRow
from alphaforge.client.report_records import ReportRecord
from alphaforge.client.requests import WhyRecord
from alphaforge.errors import NotFoundError
from alphaforge.services.control.asked import order_id_of
from alphaforge.services.control.publisher import Hub
from alphaforge.services.control.route import MOST_ROWS, Asking, Route, Rows
from alphaforge.services.control.row_texts import time_text
from alphaforge.services.control.run_report import report_of
from alphaforge.services.why import why
from alphaforge.store.reads import open_reader
from alphaforge.store.records import RunRecord

_USUAL_RUNS: Final = 50

_PATIENCE: Final = 20
_PAUSE_SECONDS: Final = 0.1
"""An order that was decided just now stands in the store a moment later."""


class RunRoutes:
    """Reads of the store that the engine writes."""

    def __init__(self, hub: Hub) -> None:
        self._hub = hub
        self._run_id = hub.views.host.run.run_id
        self._url = hub.views.host.store_url

    def routes(self) -> list[Route]:
        """All of them."""
        return [
            Route(
                "GET", "/api/runs", self.runs, RunRow, "Runs, newest first.",
                query=("limit", "before"), is_list=True,
            ),
            Route("GET", "/api/runs/{id}", self.run, RunAnswer, "One run."),
            Route(
                "GET", "/api/orders/{id}/why", self.why, WhyRecord,
                "An order's whole life in words; `run` names another run than this.",
                query=("run",),
            ),
            Route(
                "GET", "/api/runs/{id}/report", self.report, ReportRecord,
                "What a run came to: curve, drawdowns, months, closing fills.",
            ),
        ]  # fmt: skip

    async def runs(self, asking: Asking) -> Rows:
        """Runs, the newest first; `before` is a run's id."""
        limit = asking.number("limit", _USUAL_RUNS, 1, MOST_ROWS)
        before = asking.query.get("before", "")
        async with open_reader(self._store()) as reader:
            found = await reader.runs(None if before else limit + 1)
        if before:
            ids = [each.run_id for each in found]
            if before not in ids:
                raise NotFoundError(f"there is no run {before[:40]!r}", remedy="leave before out")
            found = found[ids.index(before) + 1 :]
        shown = found[:limit]
        rows = [RunRow(**_facts(each)) for each in shown]
        return Rows(rows, shown[-1].run_id if len(found) > limit else None)

    async def run(self, asking: Asking) -> RunAnswer:
        """One run with what it was made of."""
        async with open_reader(self._store()) as reader:
            run = await reader.run(asking.names["id"])
        return RunAnswer(
            **_facts(run),
            seed=run.seed,
            parameters=run.parameters,
            settings=run.settings,
            files={each.name: each.path for each in run.strategies},
            data=tuple(each.path for each in run.data),
            symbols=tuple(each.symbol for each in run.instruments),
        )

    async def report(self, asking: Asking) -> ReportRecord:
        """One run's curve, drawdowns, months and closing fills."""
        async with open_reader(self._store()) as reader:
            return await report_of(reader, await reader.run(asking.names["id"]))

    async def why(self, asking: Asking) -> WhyRecord:
        """One order's life, of this run or of a stored one."""
        url, given = self._store(), asking.names["id"]
        run_id = asking.query.get("run") or self._run_id
        is_here = run_id == self._run_id
        for _ in range(_PATIENCE):
            try:
                return await why(url, run_id, given)
            except NotFoundError:
                if not is_here or self._hub.order_row(order_id_of(given)) is None:
                    raise
            await asyncio.sleep(_PAUSE_SECONDS)
        return await why(url, run_id, given)

    def _store(self) -> str:
        if not self._url:
            raise NotFoundError("this run keeps nothing in a store")
        return self._url


def _facts(run: RunRecord) -> dict[str, Any]:
    return {
        "run_id": run.run_id,
        "mode": run.mode,
        "venue": run.venue,
        "account": run.account,
        "strategies": tuple(each.name for each in run.strategies),
        "started": time_text(run.started) or "",
        "ended": None if run.ended is None else time_text(run.ended),
        "status": run.status.value,
        "error": run.error,
        "summary": run.summary,
    }
