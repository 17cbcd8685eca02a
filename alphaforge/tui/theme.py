"""The themes of the app: colour tokens, and the styles that the panels draw with.

`up` and `down` mean the direction of a price or of money and nothing else; states use `info`,
`warn` and `error`, and a word or a sign goes with every colour. Backgrounds stay apart after a
terminal has reduced them to 256 colours; with 16 there are none. Must never be asked per frame to
parse a colour: styles are made once per theme.
"""

from dataclasses import dataclass, field, replace
from functools import lru_cache
from typing import Final, Literal, TypeAlias, cast, get_args

from rich.color import Color
from rich.style import Style
from textual.app import App
from textual.theme import BUILTIN_THEMES, Theme

from alphaforge.tui.glyphs import GLYPHS, Glyphs, GlyphSet

Tone: TypeAlias = Literal[
    "fg", "dim", "faint", "up", "down", "accent", "warn", "error", "info", "back", "strong_up",
    "strong_down",
]  # fmt: skip
"""What a piece of text means. `back` is the colour of the background, for text on a tag;
`strong_up` and `strong_down` are for bars of volume, never for text."""

Ground: TypeAlias = Literal[
    "", "band", "sel", "bar_up", "bar_down", "strong_up", "strong_down", "tag_up", "tag_down",
    "tag_accent", "tag_warn", "tag_error", "tag_info", "tag_fg", "tag_dim",
]  # fmt: skip
"""What text stands on: nothing of its own, a header band, the selected row, the tint of a bar, or
a tag in a tone's colour."""

UpDown: TypeAlias = Literal["theme", "green-red", "red-green", "blue-orange"]
"""Colours of rising and falling: of the theme, or one of these whatever the theme."""

TONES: Final = cast("tuple[Tone, ...]", get_args(Tone))
GROUNDS: Final = cast("tuple[Ground, ...]", get_args(Ground))
UP_DOWN: Final = cast("tuple[UpDown, ...]", get_args(UpDown))
DEFAULT_THEME: Final = "forge-dark"


@dataclass(frozen=True, kw_only=True)
class Tokens:
    """The colours of a theme; an empty one is the terminal's own.

    Attributes:
        fg, dim, faint: Text, secondary text (numbers too), rules and grids (never numbers).
        band: Behind headers and footers.
        sel: Behind the selected row; empty = the row is shown in reverse.
        bar_up, bar_down: Tints behind numbers.
        strong_up, strong_down: The second step of tints: volume bars, months.
        ansi: The colours are the terminal's sixteen.
    """

    name: str
    dark: bool
    fg: str
    dim: str
    faint: str
    bg: str
    band: str
    sel: str
    up: str
    down: str
    accent: str
    warn: str
    error: str
    info: str
    bar_up: str
    bar_down: str
    strong_up: str
    strong_down: str
    ansi: bool = False


_DARK: Final = Tokens(
    name="forge-dark", dark=True, fg="#d7dee8", dim="#8e9cb0", faint="#3d4756",
    bg="#0a0e14", band="#171a1f", sel="#1b2a40", up="#2fc48d", down="#fb6b78",
    accent="#ffb454", warn="#ffb454", error="#ff6a64", info="#5ab0f6",
    bar_up="#0d3328", bar_down="#3a151d", strong_up="#1a6048", strong_down="#7d2a3b",
)  # fmt: skip
_CB: Final = replace(
    _DARK, name="forge-cb", sel="#233040", up="#5cb0ff", down="#ff9f40",
    accent="#e8e8e8", warn="#ffd75f", error="#ff5fa8", info="#a4afff",
    bar_up="#10243c", bar_down="#38230c", strong_up="#1d4f80", strong_down="#7c4a10",
)  # fmt: skip
_LIGHT: Final = Tokens(
    name="forge-light", dark=False, fg="#1c2128", dim="#566070", faint="#b9bec5",
    bg="#fbfbf8", band="#e9e9e4", sel="#d3e2f5", up="#00663f", down="#ad0f30",
    accent="#7d4900", warn="#7d4900", error="#ad0f30", info="#0a549c",
    bar_up="#cfeee0", bar_down="#f8d3da", strong_up="#a5dcc4", strong_down="#f2b3bf",
)  # fmt: skip
_HIGH: Final = Tokens(
    name="forge-high-contrast", dark=True, fg="#ffffff", dim="#d0d0d0", faint="#808080",
    bg="#000000", band="#303030", sel="#00005f", up="#3dff8f", down="#ff8f8f",
    accent="#ffd700", warn="#ffd700", error="#ff8fd7", info="#8fd7ff",
    bar_up="#003c00", bar_down="#4a0000", strong_up="#005f5f", strong_down="#5f005f",
)  # fmt: skip
_ANSI_DARK: Final = Tokens(
    name="ansi-dark", dark=True, fg="", dim="white", faint="bright_black",
    bg="", band="", sel="", up="bright_green", down="bright_red",
    accent="bright_yellow", warn="bright_yellow", error="bright_magenta", info="bright_cyan",
    bar_up="", bar_down="", strong_up="", strong_down="", ansi=True,
)  # fmt: skip
_ANSI_LIGHT: Final = replace(
    _ANSI_DARK, name="ansi-light", dark=False, dim="bright_black", faint="white", up="green",
    down="red", accent="blue", warn="blue", error="magenta", info="cyan",
)  # fmt: skip
_MONO: Final = replace(
    _ANSI_DARK, name="mono", dim="", faint="", up="", down="", accent="", warn="", error="",
    info="",
)  # fmt: skip

THEMES: Final = {
    tokens.name: tokens for tokens in (_DARK, _CB, _LIGHT, _HIGH, _ANSI_DARK, _ANSI_LIGHT, _MONO)
}
"""By name; the first is the default."""

VARIABLES: Final = ("up", "down", "fg", "dim", "faint", "band", "sel", "bar-up", "bar-down", "info")
"""Names of the variables that style sheets may use besides Textual's own; `$forge-up` and so on."""


def _with_directions(tokens: Tokens, up_down: UpDown) -> Tokens:
    """The tokens with the user's colours of rising and falling."""
    if up_down == "theme" or tokens.name == "mono":
        return tokens
    if up_down == "red-green":
        return replace(
            tokens, up=tokens.down, down=tokens.up, bar_up=tokens.bar_down,
            bar_down=tokens.bar_up, strong_up=tokens.strong_down, strong_down=tokens.strong_up,
        )  # fmt: skip
    if tokens.ansi:
        return replace(tokens, up="bright_blue") if up_down == "blue-orange" else tokens
    if not tokens.dark:
        return replace(tokens, up="#0a549c", down="#8a3d00") if up_down == "blue-orange" else tokens
    other = _CB if up_down == "blue-orange" else _DARK
    return replace(
        tokens, up=other.up, down=other.down, bar_up=other.bar_up, bar_down=other.bar_down,
        strong_up=other.strong_up, strong_down=other.strong_down,
    )  # fmt: skip


def _color(name: str) -> Color | None:
    return Color.parse(name) if name else None


@dataclass(frozen=True)
class Palette:
    """The styles of one theme, each made once.

    Attributes:
        tokens: Its colours.
    """

    tokens: Tokens
    _made: dict[tuple[Tone, Ground, bool], Style] = field(
        default_factory=dict[tuple[Tone, Ground, bool], Style], compare=False, repr=False
    )

    def style(self, tone: Tone, ground: Ground = "", *, bold: bool = False) -> Style:
        """The style of text that means `tone` and stands on `ground`."""
        key = (tone, ground, bold)
        style = self._made.get(key)
        if style is None:
            style = self._made[key] = self._make(tone, ground, bold)
        return style

    def _make(self, tone: Tone, ground: Ground, bold: bool) -> Style:
        if ground.startswith("tag_"):
            return self._tag(cast("Tone", ground.removeprefix("tag_")))
        tokens = self.tokens
        backs = {"": tokens.bg, "band": tokens.band, "sel": tokens.sel, "bar_up": tokens.bar_up}
        backs |= {"bar_down": tokens.bar_down, "strong_up": tokens.strong_up}
        back = backs.get(ground, tokens.strong_down)
        if ground == "sel" and not back:
            return Style(reverse=True, bold=bold or None)
        front = tokens.bg if tone == "back" else str(getattr(tokens, tone))
        faded = tone in {"dim", "faint"} and tokens.name == "mono"
        strong = bold or (tokens.name == "mono" and tone in {"accent", "error", "warn"})
        return Style(
            color=_color(front), bgcolor=_color(back), bold=strong or None, dim=faded or None
        )

    def _tag(self, tone: Tone) -> Style:
        """Text in the background's colour on the tone's."""
        tokens = self.tokens
        if tokens.ansi:
            return Style(color=_color(str(getattr(tokens, tone))), reverse=True, bold=True)
        return Style(color=_color(tokens.bg), bgcolor=_color(getattr(tokens, tone)), bold=True)

    @property
    def has_tints(self) -> bool:
        """False where bars cannot be shown behind numbers: 16 colours and mono."""
        return bool(self.tokens.bar_up)


@dataclass(frozen=True)
class Look:
    """All that a panel needs to draw: styles, and the glyphs that the terminal has."""

    palette: Palette
    glyphs: Glyphs


@lru_cache(maxsize=64)
def look_for(theme: str, glyphs: GlyphSet = "safe", up_down: UpDown = "theme") -> Look:
    """The look of a theme; one that is not ours looks like `forge-dark` or `forge-light`."""
    tokens = THEMES.get(theme)
    if tokens is None:
        tokens = _LIGHT if "light" in theme else _DARK
    return Look(Palette(_with_directions(tokens, up_down)), GLYPHS[glyphs])


def look_of(app: App[object]) -> Look:
    """The look that an app has now.

    It may have the attributes `glyph_set` (a `GlyphSet`) and `up_down` (an `UpDown`); anything
    else there counts as the default.
    """
    glyphs, up_down = getattr(app, "glyph_set", "safe"), getattr(app, "up_down", "theme")
    return look_for(
        app.theme,
        glyphs if glyphs in GLYPHS else "safe",
        up_down if up_down in UP_DOWN else "theme",
    )


def css_variables(tokens: Tokens) -> dict[str, str]:
    """Variables for style sheets: `$forge-up` and so on, all of `VARIABLES`."""
    found: dict[str, str] = {}
    for name in VARIABLES:
        color = str(getattr(tokens, name.replace("-", "_")))
        found[f"forge-{name}"] = _css(color, tokens)
    return found


def _css(color: str, tokens: Tokens) -> str:
    """A token's colour in a style sheet's spelling."""
    if not tokens.ansi:
        return color
    return f"ansi_{color or 'default'}"


def textual_theme(tokens: Tokens) -> Theme:
    """What Textual's own widgets (inputs, dialogs) make of our tokens."""
    accent, back = _css(tokens.accent, tokens), _css(tokens.bg, tokens)
    variables = css_variables(tokens)
    if tokens.ansi:
        base = BUILTIN_THEMES["ansi-dark" if tokens.dark else "ansi-light"]
        variables = {**base.variables, **variables}
    else:
        variables |= {
            "footer-background": tokens.band,
            "input-selection-background": tokens.sel,
            "block-cursor-background": tokens.sel,
            "block-cursor-foreground": tokens.fg,
            "border": tokens.accent,
            "border-blurred": tokens.faint,
        }
    return Theme(
        name=tokens.name,
        primary=accent,
        secondary=_css(tokens.info, tokens),
        warning=_css(tokens.warn, tokens),
        error=_css(tokens.error, tokens),
        success=_css(tokens.info, tokens),
        accent=accent,
        foreground=_css(tokens.fg, tokens),
        background=back,
        surface=back,
        panel=_css(tokens.band, tokens),
        dark=tokens.dark,
        variables=variables,
        ansi=tokens.ansi,
    )


def register_themes(app: App[object]) -> None:
    """Make all our themes known to an app; a call before its `theme` is set."""
    for tokens in THEMES.values():
        app.register_theme(textual_theme(tokens))
