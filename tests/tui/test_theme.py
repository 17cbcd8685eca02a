"""Themes can be read: contrasts, colours for colour-blind eyes, 256 and 16 colours, no colours."""

from itertools import combinations, product

import pytest
from rich.cells import cell_len
from rich.color import Color, ColorSystem
from textual.app import App

from alphaforge.tui.glyphs import EIGHTHS, GLYPHS
from alphaforge.tui.theme import (
    GROUNDS,
    THEMES,
    TONES,
    Tokens,
    css_variables,
    look_for,
    look_of,
    register_themes,
)

COLORED = [tokens for tokens in THEMES.values() if not tokens.ansi]
BACKS = ("bg", "band", "sel", "bar_up", "bar_down", "strong_up", "strong_down")
NUMBERS = ("fg", "dim", "up", "down", "accent", "warn", "error", "info")
BEHIND_NUMBERS = ("bg", "band", "sel", "bar_up", "bar_down")

# Machado et al. 2009, deuteranopia of severity 1, for linear RGB
DEUTERANOPIA = (
    (0.367322, 0.860646, -0.227968),
    (0.280085, 0.672501, 0.047413),
    (-0.011820, 0.042940, 0.968881),
)


def named(tokens: Tokens) -> str:
    return tokens.name


def linear(color: str) -> list[float]:
    parts = [channel / 255 for channel in Color.parse(color).get_truecolor()]
    return [part / 12.92 if part <= 0.03928 else ((part + 0.055) / 1.055) ** 2.4 for part in parts]


def luminance(color: str) -> float:
    return sum(w * part for w, part in zip((0.2126, 0.7152, 0.0722), linear(color), strict=True))


def contrast(one: str, other: str) -> float:
    low, high = sorted((luminance(one), luminance(other)))
    return (high + 0.05) / (low + 0.05)


def seen_by_deuteranope(color: str) -> list[float]:
    seen = []
    for row in DEUTERANOPIA:
        part = sum(weight * value for weight, value in zip(row, linear(color), strict=True))
        part = max(0.0, min(1.0, part))
        part = 12.92 * part if part <= 0.0031308 else 1.055 * part ** (1 / 2.4) - 0.055
        seen.append(part * 255)
    return seen


def distance(one: str, other: str) -> float:
    pairs = zip(seen_by_deuteranope(one), seen_by_deuteranope(other), strict=True)
    return sum((a - b) ** 2 for a, b in pairs) ** 0.5


@pytest.mark.parametrize("tokens", COLORED, ids=named)
def test_every_number_can_be_read_on_every_background(tokens: Tokens) -> None:
    for tone, back in product(NUMBERS, BEHIND_NUMBERS):
        assert contrast(getattr(tokens, tone), getattr(tokens, back)) >= 4.5, (tone, back)


@pytest.mark.parametrize("tokens", COLORED, ids=named)
def test_text_can_be_read_on_strong_tints_and_tags(tokens: Tokens) -> None:
    for back in ("strong_up", "strong_down"):
        assert contrast(tokens.fg, getattr(tokens, back)) >= 4.5, back
    for tone in NUMBERS:
        assert contrast(tokens.bg, getattr(tokens, tone)) >= 4.5, tone


@pytest.mark.parametrize("tokens", COLORED, ids=named)
def test_backgrounds_stay_apart_in_256_colors(tokens: Tokens) -> None:
    seen = {
        back: Color.parse(getattr(tokens, back)).downgrade(ColorSystem.EIGHT_BIT).number
        for back in BACKS
    }
    for one, other in combinations(BACKS, 2):
        assert seen[one] != seen[other], (one, other, seen[one])


@pytest.mark.parametrize("tokens", COLORED, ids=named)
def test_rules_are_seen_but_do_not_stand_out(tokens: Tokens) -> None:
    assert 1.5 <= contrast(tokens.faint, tokens.bg) < contrast(tokens.dim, tokens.bg)


def test_up_and_down_stay_apart_for_red_green_deficient_eyes() -> None:
    tokens = THEMES["forge-cb"]
    assert distance(tokens.up, tokens.down) >= 60
    assert distance(tokens.strong_up, tokens.strong_down) >= 60
    assert distance(tokens.up, tokens.error) >= 60
    assert distance(tokens.down, tokens.error) >= 60
    assert distance(tokens.down, tokens.warn) >= 60
    # the measure can fail: green and red do not stay apart
    assert distance(THEMES["forge-dark"].up, THEMES["forge-dark"].down) < 60


@pytest.mark.parametrize("name", THEMES)
def test_every_pair_of_tone_and_ground_has_a_style(name: str) -> None:
    palette = look_for(name).palette
    for tone, ground in product(TONES, GROUNDS):
        assert palette.style(tone, ground) is palette.style(tone, ground)


@pytest.mark.parametrize("name", ["ansi-dark", "ansi-light", "mono"])
def test_sixteen_colors_have_no_tints_and_show_the_selection_in_reverse(name: str) -> None:
    palette = look_for(name).palette
    assert not palette.has_tints
    for tone in TONES:
        style = palette.style(tone, "sel")
        assert style.reverse
        assert style.bgcolor is None
        assert palette.style(tone, "bar_up").bgcolor is None
    assert palette.style("fg", "tag_error").reverse


def test_mono_uses_no_color_at_all() -> None:
    palette = look_for("mono").palette
    for tone, ground in product(TONES, GROUNDS):
        style = palette.style(tone, ground)
        assert style.color is None
        assert style.bgcolor is None


def test_the_user_chooses_the_colors_of_rising_and_falling() -> None:
    green_red, red_green = THEMES["forge-dark"], look_for("forge-dark", up_down="red-green")
    assert red_green.palette.tokens.up == green_red.down
    assert red_green.palette.tokens.bar_down == green_red.bar_up
    blue_orange = look_for("forge-dark", up_down="blue-orange").palette.tokens
    assert blue_orange.up == THEMES["forge-cb"].up
    assert look_for("forge-cb", up_down="green-red").palette.tokens.up == green_red.up
    light = look_for("forge-light", up_down="blue-orange").palette.tokens
    assert distance(light.up, light.down) >= 60
    for tone, back in product((light.up, light.down), (light.bg, light.sel)):
        assert contrast(tone, back) >= 4.5
    assert look_for("mono", up_down="red-green").palette.tokens == THEMES["mono"]


@pytest.mark.parametrize("name", THEMES)
async def test_textual_takes_every_theme(name: str) -> None:
    app: App[None] = App()
    register_themes(app)
    async with app.run_test(size=(60, 15)) as pilot:
        app.theme = name
        await pilot.pause()
        assert app.theme == name
        assert look_of(app).palette.tokens.name == name


def test_a_theme_that_is_not_ours_gets_a_look_too() -> None:
    assert look_for("textual-light").palette.tokens.name == "forge-light"
    assert look_for("nord").palette.tokens.name == "forge-dark"


@pytest.mark.parametrize("tokens", THEMES.values(), ids=named)
def test_style_sheets_get_a_color_for_every_variable(tokens: Tokens) -> None:
    assert all(color for color in css_variables(tokens).values())


@pytest.mark.parametrize("glyphs", GLYPHS.values(), ids=GLYPHS)
def test_every_glyph_is_one_cell_wide(glyphs: object) -> None:
    for name in ("gauge_on", "gauge_off", "running", "waiting", "stopped", "failed"):
        assert cell_len(getattr(glyphs, name)) == 1
    assert all(cell_len(character) == 1 for character in EIGHTHS)
