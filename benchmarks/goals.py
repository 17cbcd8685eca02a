"""What each row should reach, and the table that shows the figures beside it.

A goal is looked at and never enforced: on a shared machine it would be a matter of luck.
"""

from typing import NamedTuple

from benchmarks.harness import Row


class Goal(NamedTuple):
    """At least or at most a figure; `of` is `value`, `floors` or a further figure."""

    of: str
    most: float | None = None
    least: float | None = None
    unit: str = ""

    def __str__(self) -> str:
        sign, bound = ("<=", self.most) if self.most is not None else (">=", self.least)
        return f"{sign} {shown(bound or 0.0)} {self.unit}"

    def is_met(self, row: Row, floor_ns: float) -> bool:
        """Whether a measured row reaches it."""
        figures = {"value": row.value, "floors": (row.ns_per_item or 0.0) / floor_ns, **row.extra}
        figure = figures[self.of]
        return figure <= self.most if self.most is not None else figure >= (self.least or 0.0)


GOALS = {
    "tick_ema": Goal("floors", most=9, unit="floors"),
    "tick_ema_4bars": Goal("floors", most=16, unit="floors"),
    "orders": Goal("value", least=90_000, unit="orders/s"),
    "orders_p99_us": Goal("value", most=30, unit="us"),
    "resting_1000": Goal("ratio", most=1.15, unit="x resting_0"),
    "resting_10000": Goal("ratio", most=1.15, unit="x resting_0"),
    "cache_mixed": Goal("value", least=2_000_000, unit="ops/s"),
    "intent_process_p50_us": Goal("value", most=500, unit="us"),
    "intent_process_p99_us": Goal("value", most=3_000, unit="us"),
    "wire_p99_ms": Goal("value", most=5, unit="ms"),
    "wire_overhead_p50_pct": Goal("value", most=20, unit="%"),
    "wire_ours_p99_ms": Goal("value", most=1, unit="ms"),
    "run_start_s": Goal("value", most=4, unit="s"),
    "recovery_s": Goal("value", most=3, unit="s"),
    "control_1_p99_us": Goal("ratio", most=1.1, unit="x control_0"),
    "control_10_p99_us": Goal("ratio", most=1.1, unit="x control_0"),
    "control_lag_p99_ms": Goal("value", most=2, unit="ms"),
    "panel_chart_ms": Goal("value", most=2, unit="ms"),
    "panel_table_open_ms": Goal("value", most=150, unit="ms"),
    "panel_table_page_ms": Goal("value", most=30, unit="ms"),
    "tui_first_text_ms": Goal("value", most=300, unit="ms"),
    "tui_full_frame_ms": Goal("value", most=600, unit="ms"),
    "tui_cpu_pct": Goal("value", most=8, unit="%"),
    "tui_key_p50_ms": Goal("value", most=10, unit="ms"),
    "tui_key_p99_ms": Goal("value", most=50, unit="ms"),
    "tui_rss_mb": Goal("value", most=70, unit="MB"),
    "tui_kb_per_s": Goal("value", most=80, unit="kB/s"),
    "tui_engine_lag_p99_ms": Goal("value", most=2, unit="ms"),
    "help_ratio": Goal("value", most=1.3, unit="x"),
    "strategy_start_ms": Goal("value", most=50, unit="ms"),
}


def shown(figure: float) -> str:
    """Whole numbers in full, others with three digits or more; thousands apart."""
    if figure >= 1_000 or isinstance(figure, int):
        return f"{figure:,.0f}"
    return f"{figure:.1f}" if figure >= 10 else f"{figure:.2f}"


def table(rows: dict[str, Row], floor_ns: float) -> str:
    """The rows as aligned lines, further figures indented below each."""
    lines = [
        f"floor: {floor_ns:.1f} ns (one five-field object and one empty method call)",
        f"{'row':<22}{'value':>12} {'unit':<9}{'floors':>8}  goal",
    ]
    for name, row in rows.items():
        floors = shown(row.ns_per_item / floor_ns) if row.ns_per_item is not None else "-"
        goal, verdict = GOALS.get(name), ""
        if goal is not None:
            verdict = f"{goal}: {'met' if goal.is_met(row, floor_ns) else 'NOT MET'}"
        lines.append(
            f"{name:<22}{shown(row.value):>12} {row.unit:<9}{floors:>8}  {verdict}".rstrip()
        )
        if row.extra:
            further = ", ".join(f"{key} {shown(figure)}" for key, figure in row.extra.items())
            lines.append(f"    {further}")
    return "\n".join(lines)
