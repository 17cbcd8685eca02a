"""`alphaforge run`: strategies trade on a recording or on the synthetic market, simulated orders.

Must never decide anything: it parses, starts a session, and prints what that says.
"""

import asyncio
import gc
import signal
import sys
from typing import TYPE_CHECKING, Annotated

import typer

from alphaforge.cli.data_report import tell_data
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
from alphaforge.cli.printing import counted, print_json, print_table, talk
from alphaforge.cli.status_line import StatusLine
from alphaforge.errors import ExitCode, UsageError

if TYPE_CHECKING:
    from alphaforge.services.session import Outcome, RunPlan

Mode = Annotated[str | None, typer.Option(metavar="M", help="paper; the others come later.")]
Venue = Annotated[str | None, typer.Option(metavar="V", help="Where the market data come from.")]
Timeframe = Annotated[
    str | None, typer.Option(metavar="T", help="Sets the parameter timeframe: 1s, 1m, 1h.")
]
Speed = Annotated[
    str | None, typer.Option(metavar="N|max", help="1 = as in real time, max = no waiting.")
]
Headless = Annotated[bool, typer.Option("--headless", help="Without the terminal app.")]
_ALWAYS = {"fills", "trades_seen", "fees", "realized_pnl", "unrealized_pnl"}
_NOTHING: tuple[object, ...] = (0, None, {})

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
    duration: Duration = None,
    seed: Seed = None,
    strict: Strict = False,
) -> int:
    """Run strategies with simulated orders; without --data on a synthetic market, in real time.

    alphaforge run strategies/sma_cross.py --data trades.csv --speed max --headless
    """
    del headless  # there is no terminal app yet: every run is without one
    signal.signal(signal.SIGTERM, signal.default_int_handler)
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
    from alphaforge.services.clock import SystemClock
    from alphaforge.services.paper import plan_paper_run

    options = RunOptions("paper", tuple(symbol or ()), timeframe, tuple(settings or ()), strict)
    duration_ns = _duration_ns(duration)
    plan = plan_paper_run(files, options, data or (), configuration, SystemClock())
    plan = plan._replace(duration_ns=duration_ns)
    outcome = asyncio.run(_run(plan))
    return _tell(plan, outcome, as_json=invocation_of(ctx).as_json)


def _duration_ns(text: str | None) -> int | None:
    from alphaforge.services.flag_values import read_duration_ns
    from alphaforge.services.values import WrongValueError

    if text is None:
        return None
    try:
        return read_duration_ns(text)
    except WrongValueError as error:
        raise UsageError(f"--for: {error}", remedy="as in --for 60s") from error


async def _run(plan: "RunPlan") -> "Outcome":
    from alphaforge.services.clock import SystemClock
    from alphaforge.services.session import run_session
    from alphaforge.services.stopping import StopRequest, StuckError, stop_on_signals

    stop = StopRequest()
    line = StatusLine(sys.stderr, SystemClock(), in_tenths=plan.speed is None)
    gc.freeze()  # what is alive now stays: no collection need look at it again
    with stop_on_signals(stop):
        try:
            return await run_session(plan, SystemClock(), stop, line)
        except StuckError:
            raise KeyboardInterrupt from None
        finally:
            line.end()


def _tell(plan: "RunPlan", outcome: "Outcome", *, as_json: bool) -> int:
    """Print the summary, and on stderr what was wrong with the data; the exit code."""
    from alphaforge.services.feed import RecordedFeed
    from alphaforge.store.records import RunStatus

    datasets = plan.feed.datasets if isinstance(plan.feed, RecordedFeed) else ()
    tell_data([dataset.report for dataset in datasets], plan.assembly.engine.data.rejected)
    if outcome.first_denial:
        count = plan.assembly.engine.execution.counts.denied
        talk(f"denied: {counted(count, 'order')}, the first: {outcome.first_denial}")
    if as_json:
        print_json(outcome.summary)
    else:
        print_table(("summary", ""), _rows(outcome.summary))
    if outcome.status is RunStatus.INTERRUPTED:
        return ExitCode.INTERRUPTED
    if outcome.error is not None:
        raise outcome.error
    return ExitCode.OK


def _rows(summary: dict[str, object]) -> list[tuple[str, object]]:
    """Every figure; on a terminal those that are nothing are left out: they would fill it."""
    is_seen = sys.stdout.isatty()
    return [
        (name.replace("_", " "), _shown(value))
        for name, value in summary.items()
        if not is_seen or name in _ALWAYS or value not in _NOTHING
    ]


def _shown(value: object) -> str:
    if value is None:
        return "none"
    if isinstance(value, dict):
        return ", ".join(f"{item} {name}" for name, item in value.items()) or "none"  # pyright: ignore[reportUnknownVariableType] - printed as it is
    if isinstance(value, list):
        return ", ".join(map(str, value))  # pyright: ignore[reportUnknownArgumentType] - printed as it is
    return f"{value:,}" if isinstance(value, int) else str(value)
