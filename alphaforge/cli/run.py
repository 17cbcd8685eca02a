"""`alphaforge run`: strategies trade on a recording or on the synthetic market, simulated orders.

Must never decide anything: it parses, starts a session, and prints what that says.
"""

import asyncio
import gc
import signal
import sys
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
from alphaforge.cli.printing import print_json, print_table, talk
from alphaforge.cli.status_line import StatusLine
from alphaforge.errors import ExitCode, UsageError

if TYPE_CHECKING:
    from alphaforge.marketdata.report import ReadReport
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

    if isinstance(plan.feed, RecordedFeed):
        for dataset in plan.feed.datasets:
            _tell_report(dataset.report)
    for reason, count in plan.assembly.engine.data.rejected.items():
        talk(f"{count:,} events were not passed on ({reason})")
    if outcome.first_denial:
        count = outcome.summary["orders_denied"]
        talk(f"{count} orders were denied; the first: {outcome.first_denial}")
    if as_json:
        print_json(outcome.summary)
    else:
        print_table(("summary", ""), _rows(outcome.summary))
    if outcome.status is RunStatus.INTERRUPTED:
        return ExitCode.INTERRUPTED
    if outcome.error is not None:
        raise outcome.error
    return ExitCode.OK


def _tell_report(report: "ReadReport") -> None:
    for row in report.bad:
        talk(f"skipped: {row.error(report.path)}")
    if report.bad_count > len(report.bad):
        talk(f"{report.path}: {report.bad_count:,} lines were skipped in all")
    if report.gaps:
        talk(f"{report.path}: {report.gaps:,} gaps in the order book's sequence")
    for note in report.notes:
        talk(f"{report.path}: {note}")


def _rows(summary: dict[str, object]) -> list[tuple[str, object]]:
    return [(name.replace("_", " "), _shown(value)) for name, value in summary.items()]


def _shown(value: object) -> str:
    if value is None:
        return "none"
    if isinstance(value, dict):
        return ", ".join(f"{item} {name}" for name, item in value.items()) or "none"  # pyright: ignore[reportUnknownVariableType] - printed as it is
    if isinstance(value, list):
        return ", ".join(map(str, value))  # pyright: ignore[reportUnknownArgumentType] - printed as it is
    return f"{value:,}" if isinstance(value, int) else str(value)
