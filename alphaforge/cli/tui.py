"""`alphaforge tui` and `alphaforge attach`: the terminal app on an engine that runs.

Must decide nothing: the app chooses, shows and asks.
"""

from typing import TYPE_CHECKING, Annotated

import typer

from alphaforge.cli.engine_choice import engine_of, project_of
from alphaforge.cli.tui_options import Said, app_options
from alphaforge.errors import UsageError

if TYPE_CHECKING:
    from alphaforge.client.records import EngineRecord

ReadOnly = Annotated[bool, typer.Option("--read-only", help="No key of it changes anything.")]
Screen = Annotated[str | None, typer.Option("--screen", metavar="NAME", help="Shown first.")]
Theme = Annotated[str | None, typer.Option("--theme", metavar="NAME", help="Its colours.")]
Frames = Annotated[
    int | None, typer.Option("--fps", metavar="N", min=1, max=30, help="Frames a second at most.")
]
NOTHING_SAID = Said()

RunName = Annotated[
    str | None, typer.Option("--run", metavar="ID", help="Which engine, where several run.")
]


Web = Annotated[
    str | None, typer.Option("--web", metavar="ADDR", help="In a browser: 127.0.0.1:8765.")
]
MayTrade = Annotated[
    bool, typer.Option("--trade", help="With --web: keys pressed in the browser may trade.")
]
InBrowser = Annotated[bool, typer.Option("--in-browser", hidden=True)]


def tui(  # noqa: PLR0913, PLR0917 - one for each option
    ctx: typer.Context,
    read_only: ReadOnly = False,
    screen: Screen = None,
    theme: Theme = None,
    fps: Frames = None,
    run: RunName = None,
    web: Web = None,
    trade: MayTrade = False,
    in_browser: InBrowser = False,
) -> int:
    """Show a running engine in the terminal; without one it says what to type, and waits.

    alphaforge tui --screen chart
    alphaforge tui --web 127.0.0.1:8765
    """
    said = Said(read_only, screen, theme, fps, is_browser=in_browser)
    record = engine_of(ctx, run) if run is not None else None
    if web is not None:
        from alphaforge.cli.tui_web import serve_in_browser

        said = said._replace(read_only=read_only or not trade)
        return serve_in_browser(ctx, web, said, record)
    if trade:
        raise UsageError("--trade is for --web", remedy="in a terminal keys may trade anyhow")
    return show(ctx, record, said)


def attach(
    ctx: typer.Context,
    run: Annotated[
        str | None, typer.Argument(metavar="[RUN]", help="The only one if none.")
    ] = None,
    read_only: ReadOnly = False,
) -> int:
    """Show one engine in the terminal.

    alphaforge attach 20261120-091500-k3f
    """
    return show(ctx, engine_of(ctx, run), Said(read_only))


def show(ctx: typer.Context, record: "EngineRecord | None", said: Said = NOTHING_SAID) -> int:
    """Run the app with the options that were typed, else those of `[tui]`; its exit code."""
    from alphaforge.tui.main import run_app

    project = project_of(ctx)
    options = app_options(ctx, str(project) if project is not None else "", said)
    return run_app(record, options)
