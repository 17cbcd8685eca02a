"""What a stored run came to over time: its curve, its drawdowns, its months, its closing fills.

As `records`: money is text, ratios and percentages are numbers, times are ISO-8601 UTC. The curve
is thinned out and made of numbers: it is a picture. Must hold no logic.
"""

import msgspec

from alphaforge.client.records import SCHEMA, FillRow


class ReportPoint(msgspec.Struct, kw_only=True):
    """Equity at a moment, and how far it is below the highest so far.

    Attributes:
        drawdown_pct: 0 or negative.
    """

    ts: str
    equity: float
    drawdown_pct: float


class YearRow(msgspec.Struct, kw_only=True):
    """Returns of a UTC calendar year.

    Attributes:
        months: Twelve, in per cent; null where the run has no sample in the month.
        whole: Of the year, in per cent.
    """

    year: int
    months: tuple[float | None, ...]
    whole: float | None


class ReportRecord(msgspec.Struct, kw_only=True):
    """`GET /api/runs/{id}/report`.

    Attributes:
        ended: Null while it runs.
        summary: The figures printed at its end; null before.
        points: At most 1,000, evenly spread, the last sample always.
        samples: How many there are in the store.
        closes: The newest fills that closed something, newest first, at most 500.
    """

    schema: int = SCHEMA
    run_id: str
    mode: str
    venue: str
    strategies: tuple[str, ...]
    symbols: tuple[str, ...]
    started: str
    ended: str | None
    seed: int
    summary: dict[str, object] | None
    points: tuple[ReportPoint, ...]
    samples: int
    years: tuple[YearRow, ...]
    closes: tuple[FillRow, ...]
