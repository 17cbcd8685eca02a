"""From `[tui]` and what was typed to what the app takes. Must decide nothing."""

from typing import TYPE_CHECKING, NamedTuple

import typer

from alphaforge.cli.invocation import configuration_of

if TYPE_CHECKING:
    from alphaforge.tui.options import AppOptions


class Said(NamedTuple):
    """What was typed about the app; None: not given."""

    read_only: bool = False
    screen: str | None = None
    theme: str | None = None
    fps: int | None = None
    owns_engine: bool = False
    is_browser: bool = False


def app_options(ctx: typer.Context, project: str, said: Said) -> "AppOptions":
    """What was typed, over `[tui]`; raises `UsageError` for a screen that does not exist."""
    from alphaforge.client.verbs import SCREENS
    from alphaforge.client.words import near
    from alphaforge.errors import UsageError
    from alphaforge.model.numbers import plain
    from alphaforge.tui.options import AppOptions

    if said.screen is not None and said.screen not in SCREENS:
        listed = f"there are: {', '.join(SCREENS)}"
        raise UsageError(
            f"there is no screen {said.screen}", remedy=near(said.screen, SCREENS) or listed
        )
    section = configuration_of(ctx).settings.tui
    theme = said.theme or section.theme
    return AppOptions(
        read_only=said.read_only,
        screen=said.screen or section.screen,
        theme="" if theme == "auto" else theme,
        fps=said.fps or section.fps,
        owns_engine=said.owns_engine,
        web=said.is_browser,
        preset=section.preset,
        keys=section.keys,
        updown=section.updown,
        glyphs=section.glyphs,
        density=section.density,
        confirm_over=plain(section.confirm_over),
        bell=section.bell,
        title=section.title,
        project=project,
    )
