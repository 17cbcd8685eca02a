"""A small app that shows single panels, and ways to read what stands on them."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from rich.cells import cell_len
from textual.app import App, ComposeResult
from textual.geometry import Region
from textual.pilot import Pilot
from textual.widget import Widget

from alphaforge.tui.theme import register_themes
from alphaforge.tui.widgets.panel import Panel


class Stage(App[None]):
    """Shows panels below each other and keeps the messages it gets."""

    CSS = "Screen { background: $background; }"

    def __init__(self, *panels: Widget, theme: str, glyph_set: str, up_down: str) -> None:
        super().__init__()
        self.panels = panels
        self.glyph_set, self.up_down = glyph_set, up_down
        self.heard: list[Any] = []
        register_themes(self)
        self.theme = theme

    def compose(self) -> ComposeResult:
        yield from self.panels

    async def on_event(self, event: Any) -> None:
        await super().on_event(event)

    def on_row_table_selected(self, message: Any) -> None:
        self.heard.append(message)

    def on_row_table_activated(self, message: Any) -> None:
        self.heard.append(message)

    def on_ladder_price_chosen(self, message: Any) -> None:
        self.heard.append(message)

    def on_candle_chart_near_end(self, message: Any) -> None:
        self.heard.append(message)


@asynccontextmanager
async def on_stage(
    *panels: Widget,
    size: tuple[int, int] = (80, 24),
    theme: str = "forge-dark",
    glyph_set: str = "safe",
    up_down: str = "theme",
) -> AsyncIterator[Pilot[None]]:
    """The panels on a terminal of that size."""
    app = Stage(*panels, theme=theme, glyph_set=glyph_set, up_down=up_down)
    async with app.run_test(size=size) as pilot:
        await pilot.pause()
        yield pilot


def lines_of(panel: Panel) -> list[str]:
    """What a panel shows, row by row."""
    return [panel.render_line(row).text for row in range(panel.size.height)]


def text_of(panel: Panel) -> str:
    """What a panel shows, as one text without blanks at the ends of rows."""
    return "\n".join(line.rstrip() for line in lines_of(panel))


def fills_its_cells(panel: Panel) -> bool:
    """Every row is exactly as wide as the panel, measured in cells."""
    widths = {cell_len(line) for line in lines_of(panel)}
    return widths <= {panel.size.width}


class Repaints:
    """Records which rows of a panel are painted again from now on."""

    def __init__(self, panel: Panel) -> None:
        self.rows: set[int] = set()
        refresh = panel.refresh
        height = panel.size.height

        def recorded(*regions: Region, **options: Any) -> Widget:
            for region in regions or (Region(0, 0, 1, height),):
                self.rows |= set(range(region.y, region.bottom))
            return refresh(*regions, **options)

        panel.refresh = recorded  # type: ignore[method-assign]
