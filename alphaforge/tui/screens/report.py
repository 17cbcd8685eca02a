"""The report of a stored run: equity, drawdown, months, figures, closing fills; any run by list.

Every figure comes from the engine's report of the run. Must compute none.
"""

from collections.abc import Iterable
from functools import partial
from typing import ClassVar, Final

from alphaforge.client.answers import RunRow
from alphaforge.client.errors import EngineLostError
from alphaforge.client.pages import Page
from alphaforge.client.records import FillRow
from alphaforge.client.report_records import ReportRecord
from alphaforge.errors import AlphaForgeError
from alphaforge.tui.board import Board, Feeding
from alphaforge.tui.link import problem_of
from alphaforge.tui.report_lines import MONTHS, metric_lines, run_columns, span_words
from alphaforge.tui.state import AppState
from alphaforge.tui.tables import fill_columns
from alphaforge.tui.text import percent
from alphaforge.tui.widgets.curve import Curve, Series
from alphaforge.tui.widgets.heat_map import HeatMap, HeatRow
from alphaforge.tui.widgets.lines import LinesPanel
from alphaforge.tui.widgets.panel import Panel
from alphaforge.tui.widgets.table import RowTable
from alphaforge.tui.words import direction_tone

_RUNS: Final = "/api/runs"
_MOST_RUNS: Final = 100


class ReportBoard(Board):
    """Equity, drawdown and months at the left; figures, runs and closing fills at the right.

    Attributes:
        report: The one shown; None before it came.
    """

    name_of: ClassVar[str] = "report"
    MAIN: ClassVar[tuple[str, ...]] = (
        "equity", "metrics", "drawdown", "months", "runs", "closes",
    )  # fmt: skip

    def __init__(self, state: AppState) -> None:
        self.report: ReportRecord | None = None
        self._wanted = ""
        self._is_unanswered = False
        self._equity = Curve("EQUITY", empty="no run is stored yet", id="equity")
        self._drawdown = Curve("DRAWDOWN %", empty="no run is stored yet", id="drawdown")
        self._months = HeatMap("MONTHLY %", id="months")
        self._metrics = LinesPanel("REPORT", empty="no run is chosen", id="metrics")
        self._runs: RowTable[RunRow] = RowTable(
            "RUNS", run_columns(), empty="no run is stored yet", id="runs"
        )
        self._closes: RowTable[FillRow] = RowTable(
            "CLOSED", fill_columns(state), empty="nothing was closed", id="closes"
        )
        super().__init__(state)

    def make(self) -> Iterable[Feeding]:
        """In the order the grid places them."""
        choice = frozenset({"choice"})
        panels: tuple[Panel, ...] = (
            self._equity, self._metrics, self._drawdown, self._months, self._runs, self._closes,
        )  # fmt: skip
        return [Feeding(panel, choice, self.draw if at == 0 else _nothing)
                for at, panel in enumerate(panels)]  # fmt: skip

    def first_focus(self) -> str:
        """The list of runs: another is chosen there."""
        return "runs"

    def shown(self) -> None:
        """Ask for the runs, and for the report of the newest backtest, else of the newest run."""
        self.run_worker(self.fetch, exclusive=True)

    def tick(self) -> None:
        """Ask again for what could not be asked while the engine was out of reach."""
        super().tick()
        if self._is_unanswered and self.state.status.is_live:
            self.shown()

    async def fetch(self) -> None:
        """The list of runs, and the report of the chosen one."""
        self._is_unanswered = False
        try:
            page = await self.feed.get_as(_RUNS, Page[RunRow], limit=_MOST_RUNS)
        except AlphaForgeError as error:
            self._complain(error)
            return
        rows = {row.run_id: row for row in page.rows}
        self._runs.hint = f"{len(rows)} · enter shows"
        self._runs.set_rows(rows)
        best = next((row.run_id for row in page.rows if row.mode == "backtest"), None)
        chosen = self._wanted or best or next(iter(rows), "")
        if chosen:
            self._runs.select(chosen)
            await self.fetch_report(chosen)

    async def fetch_report(self, run_id: str) -> None:
        """One run's report."""
        self._wanted = run_id
        try:
            self.report = await self.feed.get_as(f"{_RUNS}/{run_id}/report", ReportRecord)
        except AlphaForgeError as error:
            self._complain(error)
            return
        self.draw()

    def on_row_table_activated(self, message: RowTable.Activated) -> None:
        """Enter or a second click on a run: its report."""
        if message.table.id == "runs" and message.key is not None:
            self.run_worker(partial(self.fetch_report, message.key), exclusive=True)

    def opens(self) -> bool:
        """Enter shows the run under the cursor."""
        if self._runs.has_focus:
            self._runs.activate()
        return self._runs.has_focus

    def _complain(self, error: AlphaForgeError) -> None:
        self._is_unanswered = isinstance(error, EngineLostError)
        self._metrics.tell(warning=problem_of(error))
        if self.report is None:
            self._metrics.set_lines([])

    def draw(self) -> None:
        """The report that is there."""
        report = self.report
        if report is None:
            return
        self._metrics.title, self._metrics.hint = "REPORT", report.run_id
        self._metrics.warning = ""
        self._metrics.set_lines(list(metric_lines(report)))
        points = report.points
        times = span_words(points[0].ts, points[-1].ts) if points else ("", "")
        values = [point.equity for point in points]
        way = direction_tone((values[-1] > values[0]) - (values[-1] < values[0]) if values else 0)
        equity = [Series("equity", values, way)] if points else []
        self._equity.hint = f"{', '.join(report.strategies)} · {', '.join(report.symbols)}"
        self._equity.set_series(equity, times)
        drawdown = [point.drawdown_pct for point in points]
        worst = min(drawdown, default=0.0)
        self._drawdown.hint = f"worst {percent(worst)} of {report.samples:,} samples"
        area = [Series("drawdown", drawdown, "down", "from_zero")] if points else []
        self._drawdown.set_series(area, times)
        years = [HeatRow(str(row.year), row.months, row.whole) for row in report.years]
        self._months.set_rows(years, MONTHS, whole="year")
        closes = {str(row.number): row for row in report.closes}
        self._closes.hint = f"{len(closes)} newest"
        self._closes.set_rows(closes)


def _nothing() -> None:
    """Drawn with the first panel."""
