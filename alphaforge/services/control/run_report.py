"""Makes a stored run's report from its samples of equity and its fills.

Returns and drawdowns are of the stored samples, so they agree with `export equity`. Must read a
page of rows at a time and keep few of them.
"""

from collections.abc import AsyncIterator, Sequence
from datetime import UTC, datetime
from typing import Final, NamedTuple

from alphaforge.client.records import FillRow
from alphaforge.client.report_records import ReportPoint, ReportRecord, YearRow
from alphaforge.client.times import SECOND_NS, iso_of
from alphaforge.model.numbers import plain
from alphaforge.store.reads import Reader
from alphaforge.store.records import EquityRow, RunRecord, Selection
from alphaforge.store.records import FillRow as StoredFill

MOST_POINTS: Final = 1_000
MOST_CLOSES: Final = 500
_MONTHS: Final = 12
_HUNDRED: Final = 100.0


class _Sample(NamedTuple):
    ts: int
    equity: float
    drawdown_pct: float


class EquityFold:
    """Takes samples in time order; keeps an even choice of them, and every month's last.

    Attributes:
        count: Samples so far.
    """

    def __init__(self) -> None:
        self.count = 0
        self._kept: list[_Sample] = []
        self._every = 1
        self._last: _Sample | None = None
        self._peak = 0.0
        self._first = 0.0
        self._month_ends: dict[tuple[int, int], float] = {}

    def add(self, ts: int, equity: float) -> None:
        """One sample."""
        if not self.count:
            self._first = self._peak = equity
        self._peak = max(self._peak, equity)
        below = (equity / self._peak - 1) * _HUNDRED if self._peak > 0 else 0.0
        self._last = _Sample(ts, equity, below)
        if self.count % self._every == 0:
            self._kept.append(self._last)
            if len(self._kept) > 2 * MOST_POINTS:
                self._kept = self._kept[::2]
                self._every *= 2
        self.count += 1
        moment = datetime.fromtimestamp(ts // SECOND_NS, UTC)
        self._month_ends[moment.year, moment.month] = equity

    def points(self) -> tuple[ReportPoint, ...]:
        """The choice, with the last sample."""
        kept = self._kept
        if self._last is not None and kept[-1] is not self._last:
            kept = [*kept, self._last]
        step = max(1, -(-len(kept) // MOST_POINTS))
        thinned = kept[::-1][::step][::-1]
        return tuple(
            ReportPoint(ts=iso_of(each.ts), equity=each.equity, drawdown_pct=each.drawdown_pct)
            for each in thinned
        )

    def years(self) -> tuple[YearRow, ...]:
        """Returns by month: last sample of the month over the last of the one before."""
        rows: list[YearRow] = []
        before = self._first
        for year in sorted({year for year, _ in self._month_ends}):
            began = before
            months: list[float | None] = []
            for month in range(1, _MONTHS + 1):
                end = self._month_ends.get((year, month))
                months.append(None if end is None else _change(before, end))
                before = before if end is None else end
            rows.append(YearRow(year=year, months=tuple(months), whole=_change(began, before)))
        return tuple(rows)


def _change(before: float, after: float) -> float | None:
    return (after / before - 1) * _HUNDRED if before > 0 else None


async def report_of(reader: Reader, run: RunRecord) -> ReportRecord:
    """The report of one run, as its store is now."""
    chosen = Selection(run_id=run.run_id)
    fold = EquityFold()
    await _fold_equity(fold, reader.equity(chosen))
    closes = await _closes(reader.fills(chosen))
    return ReportRecord(
        run_id=run.run_id,
        mode=run.mode,
        venue=run.venue,
        strategies=tuple(each.name for each in run.strategies),
        symbols=tuple(each.symbol for each in run.instruments),
        started=iso_of(run.started),
        ended=None if run.ended is None else iso_of(run.ended),
        seed=run.seed,
        summary=run.summary,
        points=fold.points(),
        samples=fold.count,
        years=fold.years(),
        closes=tuple(_row(number, each) for number, each in reversed(closes)),
    )


async def _fold_equity(fold: EquityFold, pages: AsyncIterator[list[EquityRow]]) -> None:
    async for page in pages:
        for row in page:
            fold.add(row.ts, float(row.equity))


async def _closes(pages: AsyncIterator[list[StoredFill]]) -> Sequence[tuple[int, StoredFill]]:
    """The last fills that realized something, with their numbers."""
    found: list[tuple[int, StoredFill]] = []
    number = 0
    async for page in pages:
        for row in page:
            number += 1
            if row.realized_pnl:
                found.append((number, row))
        found = found[-MOST_CLOSES:]
    return found


def _row(number: int, row: StoredFill) -> FillRow:
    return FillRow(
        number=number,
        ts=iso_of(row.ts),
        venue=row.venue,
        account=row.account,
        symbol=row.symbol,
        strategy=row.strategy,
        order_id=row.order_id,
        venue_order_id=row.venue_order_id,
        trade_id=row.trade_id,
        side=row.side,
        quantity=plain(row.quantity),
        price=plain(row.price),
        value=plain(row.value),
        fee=plain(row.fee),
        fee_currency=row.fee_currency,
        liquidity=row.liquidity,
        realized_pnl=plain(row.realized_pnl),
    )
