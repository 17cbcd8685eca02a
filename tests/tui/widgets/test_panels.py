"""Headers, lines, gauges, curves, months and the watch list show what they were given."""

import math

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from alphaforge.tui.theme import THEMES, Look, look_for
from alphaforge.tui.widgets.curve import Curve, Series
from alphaforge.tui.widgets.heat_map import HeatMap, HeatRow
from alphaforge.tui.widgets.lines import BandPanel, Gauge, GaugePanel, LinesPanel, Words
from alphaforge.tui.widgets.panel import Panel, merged
from alphaforge.tui.widgets.watch import WatchList
from tests.tui.widgets.material import NOW, market
from tests.tui.widgets.stage import Repaints, fills_its_cells, lines_of, on_stage, text_of

SIZES = [(160, 40), (80, 12), (30, 6), (9, 3), (1, 1)]
MONTHS = ["jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec"]


def words(*texts: str) -> LinesPanel:
    made = LinesPanel("RISK")
    made.set_lines([[Words(text)] for text in texts])
    return made


async def test_a_header_names_the_panel_and_its_focus() -> None:
    made = words("a")
    made.hint = "3 limits"
    async with on_stage(made, size=(40, 4)) as pilot:
        pilot.app.set_focus(None)
        await pilot.pause()
        assert lines_of(made)[0] == "─RISK 3 limits " + "─" * 25
        made.focus()
        await pilot.pause()
        assert lines_of(made)[0] == "━RISK 3 limits " + "━" * 25


async def test_a_corner_stands_at_the_right_and_goes_before_the_hint() -> None:
    made = words("a")
    made.hint, made.corner = "a hint of words", "12/500"
    async with on_stage(made, size=(40, 4)):
        assert lines_of(made)[0].endswith("━ 12/500 ━")
        made.corner = "a read-out of numbers"
        made.redraw()
        assert "a hint" not in lines_of(made)[0]
        assert "a read-out of numbers" in lines_of(made)[0]


async def test_old_data_is_dim_and_says_how_old() -> None:
    made = LinesPanel("RISK")
    made.set_lines([[Words("+1.00", "up")]])
    async with on_stage(made, size=(40, 4)):
        fresh = made.render_line(1)._segments[0].style
        made.fade("STALE 7s")
        assert "STALE 7s" in lines_of(made)[0]
        dim = look_for("forge-dark").palette.tokens.dim
        assert made.render_line(1)._segments[0].style.color.name == dim
        made.fade("")
        assert "STALE" not in lines_of(made)[0]
        assert made.render_line(1)._segments[0].style == fresh


async def test_only_the_line_that_changed_is_painted_again() -> None:
    made = words(*"abcdef")
    async with on_stage(made, size=(40, 9)):
        repaints = Repaints(made)
        made.set_lines([[Words(text)] for text in "abXdeY"])
        assert repaints.rows == {3, 6}
        made.tell(hint="new")
        assert repaints.rows == {0, 3, 6}


async def test_a_new_theme_draws_everything_anew() -> None:
    made = words("a")
    async with on_stage(made, size=(40, 4)) as pilot:
        for name, tokens in THEMES.items():
            pilot.app.theme = name
            await pilot.pause()
            color = made.render_line(1)._segments[0].style.color
            assert (color.name if color else "") == tokens.fg


async def test_a_resize_keeps_every_row_in_its_cells() -> None:
    made = words(*"abcdefghij")
    async with on_stage(made, size=(80, 24)) as pilot:
        for size in ((60, 15), (250, 70), (61, 16), (20, 3)):
            await pilot.resize_terminal(*size)
            await pilot.pause()
            assert fills_its_cells(made)
            assert len(lines_of(made)) == size[1]


async def test_lines_scroll_no_further_than_their_ends() -> None:
    made = words(*map(str, range(20)))
    async with on_stage(made, size=(20, 6)):
        made.move(7)
        assert lines_of(made)[1].strip() == "7"
        made.move(100)
        assert lines_of(made)[-1].strip() == "19"
        made.move(-100)
        assert lines_of(made)[1].strip() == "0"


async def test_a_band_has_no_header_and_fills_its_ground() -> None:
    made = BandPanel()
    made.set_lines([[Words(" PAPER ", ground="tag_warn"), Words(" live", "info")]])
    made.styles.height = 2
    async with on_stage(made, size=(30, 4)):
        assert lines_of(made)[0].startswith(" PAPER  live")
        band = THEMES["forge-dark"].band
        assert made.render_line(0)._segments[-1].style.bgcolor.name == band
        assert not made.can_focus


async def test_gauges_stand_below_each_other_and_worry_in_words_and_color() -> None:
    made = GaugePanel()
    made.set_gauges(
        [
            Gauge("heat", 42, "42% of 60"),
            Gauge("daily loss", 97, "4.9/5.0"),
            Gauge("off", None, "off"),
        ],
        [[Words("× 12:30 REJECTED", "error")]],
    )
    async with on_stage(made, size=(40, 7)):
        lines = lines_of(made)
        assert [line.index("━") if "━" in line else 0 for line in lines[1:3]] == [12, 12]
        assert lines[3].split()[0] == "off"
        assert "━" not in lines[3]
        assert "REJECTED" in lines[4]
        worried = next(s for s in made.render_line(2) if "4.9" in s.text)
        assert worried.style.bold
        made.set_gauges([])
        assert "no limits set" in text_of(made)


async def test_a_curve_rises_from_left_to_right() -> None:
    made = Curve("EQUITY")
    async with on_stage(made, size=(60, 12)):
        assert "· · ·" in text_of(made)
        made.set_series([])
        assert "nothing to draw yet" in text_of(made)
        made.set_series([Series("equity", [100.0, 200.0])], ("2026-01-01", "2026-12-31"))
        lines = lines_of(made)
        first = next(n for n, line in enumerate(lines) if 0x2800 < ord(line[0]) < 0x2900)
        last = next(n for n, line in enumerate(lines) if any(ord(c) > 0x2800 for c in line))
        assert first > last
        assert lines[-1].startswith("2026-01-01")
        assert "2026-12-31" in lines[-1]


async def test_a_drawdown_fills_the_area_below_zero() -> None:
    made = Curve("DRAWDOWN %")
    made.set_series([Series("drawdown", [0.0, -10.0, 0.0], "down", "from_zero")])
    async with on_stage(made, size=(60, 10)):
        full = sum(line.count("⣿") for line in lines_of(made))
        assert full > 40
        assert "⣿" in lines_of(made)[1] or "⣿" in lines_of(made)[2]


@example([0.0, 5e-324], 40, 9)
@example([1.7e308, -1.7e308], 40, 9)
@example([1e8, 1e8 * (1 + 1e-15)], 40, 9)
@given(
    st.lists(st.floats(allow_nan=True, allow_infinity=True), max_size=40),
    st.integers(2, 70),
    st.integers(1, 12),
)
def test_any_curve_is_drawn(values: list[float], width: int, height: int) -> None:
    made = UnhungCurve()
    made._series = (Series("x", values), Series("y", values, "down", "from_zero"))
    lines = made.body(width, height)
    assert {sum(len(segment.text) for segment in line) for line in lines} <= {width}


class UnhungCurve(Curve):
    """Draws without an app."""

    @property
    def look(self) -> Look:
        return look_for("forge-dark")


async def test_months_stand_in_their_columns_with_the_year_at_the_end() -> None:
    made = HeatMap("MONTHLY %")
    rows = [
        HeatRow("2024", [float(n) - 5 for n in range(12)], 12.5),
        HeatRow("2025", [1.0, None, -9.0]),
    ]
    async with on_stage(made, size=(100, 6)):
        made.set_rows([], MONTHS)
        assert "no month has ended yet" in text_of(made)
        made.set_rows(rows, MONTHS, whole="year")
        lines = lines_of(made)
        assert lines[1].split() == [*MONTHS, "year"]
        assert lines[2].split()[:3] == ["2024", "-5.0", "-4.0"]
        assert lines[2].split()[-1] == "+12.5"
        assert lines[3].split() == ["2025", "+1.0", "·", "-9.0", *"·" * 10]
        ends = [lines[1].index(month) + 3 for month in MONTHS]
        assert all(lines[2][end - 1].isdigit() for end in ends)
        backs = {s.style.bgcolor.name for s in made.render_line(3) if s.text.strip()}
        tokens = THEMES["forge-dark"]
        assert {tokens.strong_down, tokens.bar_up, tokens.bg} == backs


async def test_a_watch_list_shows_age_and_dims_what_is_not_live() -> None:
    made = WatchList()
    old = "2026-11-20T12:59:30.000000000Z"
    rows = {
        "BTC/USDT": market("BTC/USDT"),
        "ETH/USDT": market("ETH/USDT", is_live=False, received=old, change_pct=-0.9),
        "NEW/USDT": market("NEW/USDT", last=None, received=None, change_pct=None, sparkline=()),
    }
    async with on_stage(made, size=(100, 8)):
        made.set_markets(rows, NOW)
        lines = lines_of(made)
        assert lines[2].split()[:3] == ["▌BTC/USDT", "66,857.9", "+1.73"]
        assert "879M" in lines[2]
        assert " 0s " in lines[2]
        assert " 11s " in lines[3]
        assert lines[4].split() == ["NEW/USDT", "—", "—", "66,857.9", "66,858.0", "879M", "—"]
        dim = THEMES["forge-dark"].dim
        price = next(s for s in made.render_line(3) if "66,857.9" in s.text)
        assert price.style.color.name == dim
        assert made.hint == "3"


async def test_an_age_goes_on_while_its_row_stays_as_it_is() -> None:
    made = WatchList()
    rows = {"BTC/USDT": market("BTC/USDT")}
    async with on_stage(made, size=(100, 8)):
        made.set_markets(rows, NOW)
        made.set_markets(rows, NOW.replace(":41.", ":49."))
        assert " 8s " in lines_of(made)[2]


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("glyph_set", ["safe", "full", "ascii"])
async def test_every_panel_fits_any_size(size: tuple[int, int], glyph_set: str) -> None:
    gauges, curve, months, watch = GaugePanel(), Curve("C"), HeatMap("M"), WatchList()
    gauges.set_gauges([Gauge("a rather long label", 42, "42% of 60")])
    curve.set_series([Series("x", [1.0, math.nan, 3.0])], ("then", "now"))
    months.set_rows([HeatRow("2025", [1.0] * 12, 3.0)], MONTHS, whole="year")
    watch.set_markets({"BTC/USDT": market("BTC/USDT")}, NOW)
    panels: list[Panel] = [gauges, curve, months, watch]
    for panel in panels:
        panel.styles.height = size[1]
    async with on_stage(*panels, size=(size[0], size[1] * 4), glyph_set=glyph_set):
        for panel in panels:
            assert fills_its_cells(panel)
            if glyph_set == "ascii":
                assert text_of(panel).isascii()


def test_neighbors_of_one_style_become_one_segment() -> None:
    palette = look_for("forge-dark").palette
    one, other = palette.style("up"), palette.style("down")
    line = merged([("a", one), ("b", one), ("", other), ("c", other), ("d", one)])
    assert [segment.text for segment in line] == ["ab", "c", "d"]
