"""`alphaforge run`: strategies trade, over a wire or with simulated orders.

Must never decide anything: it parses, starts a session, and prints what that says.
"""

import os
import signal
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from alphaforge.cli.invocation import configuration_of, invocation_of
from alphaforge.cli.options import (
    Account,
    Assignments,
    Cash,
    DataFiles,
    LatencyMs,
    Leverage,
    MakerBps,
    Seed,
    SlippageBps,
    StrategyFiles,
    Strict,
    Symbols,
    TakerBps,
)
from alphaforge.cli.printing import talk
from alphaforge.errors import ExitCode, UsageError

if TYPE_CHECKING:
    from alphaforge.services.config_sections import Settings

Mode = Annotated[
    str | None, typer.Option(metavar="M", help="paper = simulated orders, sandbox = play money.")
]
Venue = Annotated[str | None, typer.Option(metavar="V", help="Where to trade: local, binance, …")]
Timeframe = Annotated[
    str | None, typer.Option(metavar="T", help="Sets the parameter timeframe: 1s, 1m, 1h.")
]
Speed = Annotated[
    str | None, typer.Option(metavar="N|max", help="1 = as in real time, max = no waiting.")
]
Headless = Annotated[bool, typer.Option("--headless", help="Without the terminal app.")]
Detach = Annotated[bool, typer.Option("--detach", help="In the background; see `attach`.")]
_SIMULATED_FLAGS = (
    *("account", "leverage", "maker_bps", "taker_bps", "slippage_bps", "latency_ms"),
    *("speed", "data", "strict"),
)

Duration = Annotated[
    str | None,
    typer.Option("--for", metavar="60s", help="Engine time on a recording, else wall time."),
]


def run(  # noqa: PLR0913, PLR0917 - one for each option
    ctx: typer.Context,
    files: StrategyFiles,
    mode: Mode = None,
    venue: Venue = None,
    symbol: Symbols = None,
    settings: Assignments = None,
    data: DataFiles = None,
    speed: Speed = None,
    timeframe: Timeframe = None,
    cash: Cash = None,
    account: Account = None,
    leverage: Leverage = None,
    maker_bps: MakerBps = None,
    taker_bps: TakerBps = None,
    slippage_bps: SlippageBps = None,
    latency_ms: LatencyMs = None,
    headless: Headless = False,
    detach: Detach = False,
    duration: Duration = None,
    seed: Seed = None,
    strict: Strict = False,
) -> int:
    """Run strategies on the built-in exchange, a venue's test network, or with simulated orders.

    alphaforge run strategies/sma_cross.py --for 60s
    alphaforge run strategies/sma_cross.py --data trades.csv --speed max
    alphaforge run strategies/sma_cross.py --detach
    """
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    mode = mode or _implied_mode(ctx, venue)
    configuration = configuration_of(
        ctx,
        {
            "engine.mode": mode,
            "engine.venue": venue,
            "engine.seed": seed,
            "paper.cash": cash,
            "paper.account": account,
            "paper.leverage": leverage,
            "paper.maker_bps": maker_bps,
            "paper.taker_bps": taker_bps,
            "paper.slippage_bps": slippage_bps,
            "paper.latency_ms": latency_ms,
            "paper.speed": speed,
        },
    )
    from alphaforge.services.assembly import RunOptions

    options = RunOptions("paper", tuple(symbol or ()), timeframe, tuple(settings or ()), strict)
    duration_ns, as_json = _duration_ns(duration), invocation_of(ctx).as_json
    chosen = configuration.settings.engine.mode
    if chosen != "paper":
        _check_wire_flags(ctx, chosen)
    if _is_apart(configuration.settings, detach=detach, is_headless=headless or as_json):
        return _in_the_background(ctx, configuration.directory, is_shown=not detach)
    from alphaforge.cli.running import Typed, run_on_paper, run_over_a_wire

    typed = Typed(files, options, configuration, duration_ns, as_json)
    return run_on_paper(typed, data or ()) if chosen == "paper" else run_over_a_wire(typed)


def _is_apart(settings: "Settings", *, detach: bool, is_headless: bool) -> bool:
    """Whether the engine is a process of its own: asked for, or for the app.

    Raises `UsageError` for one that would be over before anybody could look.
    """
    speed = settings.paper.speed if settings.engine.mode == "paper" else ""
    if detach and speed == "max":
        raise UsageError(
            "at --speed max a run is over before anybody could look at it",
            remedy="leave --detach out, or give a speed: --speed 10",
        )
    return detach or _shows_app(speed, is_headless)


def _shows_app(speed: str, is_headless: bool) -> bool:
    """Whether the app opens: on a terminal, for a run that lasts long enough to be looked at."""
    streams = (sys.stdin, sys.stdout, sys.stderr)
    if is_headless or speed == "max" or not all(each.isatty() for each in streams):
        return False
    from alphaforge.tui.main import surface
    from alphaforge.tui.options import refuse

    try:
        refuse(surface(), os.environ)
    except UsageError as error:
        talk(f"without the app: {error.message}")
        return False
    return True


def _in_the_background(ctx: typer.Context, directory: Path, *, is_shown: bool) -> int:
    """Start the engine as a process of its own; then the app on it, or where it is."""
    from alphaforge.cli.detaching import start_engine, tell_failure, tell_left, tell_started

    call = invocation_of(ctx)
    started = start_engine(call.arguments, directory)
    if started.record is None:
        return tell_failure(started)
    if not is_shown:
        tell_started(started.record, as_json=call.as_json)
        return ExitCode.OK
    from alphaforge.cli.tui import show
    from alphaforge.cli.tui_options import Said

    try:
        return show(ctx, started.record, Said(owns_engine=True))
    finally:
        tell_left(started.record)


def _implied_mode(ctx: typer.Context, venue: str | None) -> str | None:
    """What only simulated orders have, or the synthetic market, says that they are simulated."""
    return "paper" if _simulated_flags(ctx) or venue == "synthetic" else None


def _simulated_flags(ctx: typer.Context) -> list[str]:
    sources = {name: ctx.get_parameter_source(name) for name in _SIMULATED_FLAGS}
    return [name for name, source in sources.items() if source and source.name == "COMMANDLINE"]


def _check_wire_flags(ctx: typer.Context, mode: str) -> None:
    """Refuse flags that only simulated orders have."""
    given = _simulated_flags(ctx)
    if given:
        names = ", ".join(f"--{name.replace('_', '-')}" for name in given)
        raise UsageError(
            f"{names}: only simulated orders have this, and the mode is {mode}",
            remedy="leave it out, or simulate the orders: --mode paper",
        )


def _duration_ns(text: str | None) -> int | None:
    from alphaforge.services.flag_values import read_duration_ns
    from alphaforge.services.values import WrongValueError

    if text is None:
        return None
    try:
        return read_duration_ns(text)
    except WrongValueError as error:
        raise UsageError(f"--for: {error}", remedy="as in --for 60s") from error
