"""`alphaforge backtest STRATEGY.py --data FILE`: a strategy on history, and how it would have done.

Must never run an engine itself: `research.backtest` does.
"""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from alphaforge.cli.data_report import tell_data
from alphaforge.cli.invocation import configuration_of, invocation_of
from alphaforge.cli.options import (
    Account,
    Assignments,
    Cash,
    DataFiles,
    Fill,
    LatencyMs,
    Leverage,
    MakerBps,
    Seed,
    SlippageBps,
    StrategyFile,
    Strict,
    Symbols,
    TakerBps,
)
from alphaforge.cli.printing import counted, print_json, print_table, talk
from alphaforge.cli.progress import progress
from alphaforge.errors import UsageError

if TYPE_CHECKING:
    from alphaforge.research.backtest import BacktestPlan
    from alphaforge.research.report import Report
    from alphaforge.research.window import Window
    from alphaforge.services.assembly import RunOptions
    from alphaforge.services.config import Configuration

_PARTS = 1000

Timeframe = Annotated[
    str | None, typer.Option(metavar="T", help="Sets the strategy's timeframe: 1m, 1h, 1d.")
]
From = Annotated[
    str | None, typer.Option("--from", metavar="T", help="Trade from here; earlier rows warm up.")
]
To = Annotated[str | None, typer.Option("--to", metavar="T", help="Trade up to here, excluded.")]
ReportFile = Annotated[
    Path | None, typer.Option("--report", metavar="FILE.html", help="Not yet: use --json.")
]


def backtest(  # noqa: PLR0913, PLR0917 - one parameter for each thing the contract lets a person say
    ctx: typer.Context,
    strategy: StrategyFile,
    data: DataFiles = None,
    symbol: Symbols = None,
    timeframe: Timeframe = None,
    begin: From = None,
    end: To = None,
    settings: Assignments = None,
    cash: Cash = None,
    account: Account = None,
    leverage: Leverage = None,
    maker_bps: MakerBps = None,
    taker_bps: TakerBps = None,
    slippage_bps: SlippageBps = None,
    latency_ms: LatencyMs = None,
    fill: Fill = None,
    seed: Seed = None,
    strict: Strict = False,
    report: ReportFile = None,
) -> None:
    """Run a strategy on recorded data and report how it did; the run is kept.

    alphaforge backtest strategies/sma_cross.py --data btcusdt_1m.csv
    """
    from alphaforge.services.assembly import RunOptions

    if report is not None:
        raise UsageError(
            "--report cannot be written yet", remedy="use --json, or: alphaforge export equity"
        )
    if not data:
        raise UsageError("which data?", remedy="name a file: --data btcusdt_1m.csv")
    flags = {
        "backtest.cash": cash,
        "backtest.account": account,
        "backtest.leverage": leverage,
        "backtest.maker_bps": maker_bps,
        "backtest.taker_bps": taker_bps,
        "backtest.slippage_bps": slippage_bps,
        "backtest.latency_ms": latency_ms,
        "backtest.fill": fill,
        "engine.seed": None if seed is None else str(seed),
    }
    options = RunOptions(
        mode="backtest",
        symbols=tuple(symbol or ()),
        timeframe=timeframe,
        assignments=tuple(settings or ()),
        strict=strict,
    )
    plan = _plan(strategy, data, options, configuration_of(ctx, flags), _window(begin, end))
    found = _run(plan)
    _tell(plan)
    if invocation_of(ctx).as_json:
        print_json(found._asdict())
    else:
        _show(found, plan)


def _window(begin: str | None, end: str | None) -> "Window":
    from alphaforge.cli.time_options import read_time
    from alphaforge.research.window import Window

    window = Window(read_time(begin, "--from"), read_time(end, "--to"))
    if window.begin is not None and window.end is not None and window.begin >= window.end:
        raise UsageError("--from is not before --to", remedy="write the earlier time at --from")
    return window


def _plan(
    strategy: str,
    data: Sequence[str],
    options: "RunOptions",
    configuration: "Configuration",
    window: "Window",
) -> "BacktestPlan":
    from msgspec.structs import replace

    from alphaforge.research.backtest import BacktestPlan
    from alphaforge.services.assembly import (
        assemble,
        first_symbol,
        open_recordings,
        plan_strategies,
        recorded_market,
    )
    from alphaforge.services.clock import SystemClock
    from alphaforge.services.feed import RecordedFeed
    from alphaforge.services.run_journal import new_run_id, run_record

    planned = plan_strategies([strategy], options)
    datasets = open_recordings(data, planned, options, configuration)
    assembly = assemble(planned, recorded_market(datasets), options, configuration)
    feed = RecordedFeed(datasets)
    started = SystemClock().wall_ns()
    record = run_record(
        assembly,
        feed.sources,
        run_id=new_run_id(started),
        seed=configuration.settings.engine.seed,
        started=started,
    )
    traded = {"from": window.begin, "to": window.end}
    return BacktestPlan(
        assembly,
        feed,
        replace(record, settings={**record.settings, "window": traded}),
        first_symbol(assembly.market.instruments, options, assembly.parameters),
        configuration.store_url,
        window,
        configuration.settings.backtest.periods_per_year,
    )


def _run(plan: "BacktestPlan") -> "Report":
    from alphaforge.research.backtest import BacktestInterrupted, run_backtest
    from alphaforge.services.clock import SystemClock

    try:
        with progress("backtest", _PARTS) as meter:
            return run_backtest(
                plan, SystemClock(), lambda share: meter.reached(int(share * _PARTS))
            )
    except BacktestInterrupted:
        talk(f"run {plan.record.run_id} is kept as far as it came")
        raise


def _tell(plan: "BacktestPlan") -> None:
    """What a person should know beside the figures: bad rows, refused events, broken strategies."""
    from alphaforge.services.strategy_files import frame_error

    engine = plan.assembly.engine
    tell_data([dataset.report for dataset in plan.datasets], engine.data.rejected)
    if engine.execution.counts.denied:
        denied = counted(engine.execution.counts.denied, "order")
        talk(f"denied: {denied}; why: alphaforge export orders --run {plan.record.run_id}")
    runners = engine.strategies.runners
    for strategy in plan.assembly.strategies:
        error = runners[strategy.name].error
        if error is not None:
            talk(f"strategy {strategy.name} was stopped: {frame_error(error, strategy.path)}")


def _show(report: "Report", plan: "BacktestPlan") -> None:
    from alphaforge.model.numbers import plain

    currency = plan.assembly.engine.valuation.reporting_currency
    money = {name: f"{plain(getattr(report, name))} {currency}" for name in _MONEY}
    rows: list[tuple[str, object]] = []
    for name, value in report._asdict().items():
        shown = f"{value:,.4f}".rstrip("0").rstrip(".") if isinstance(value, float) else value
        rows.append((name, money.get(name, "undefined" if shown is None else shown)))
    print_table(("figure", "value"), rows, right=("value",))
    talk(f"its fills: alphaforge export fills --run {report.run_id}")


_MONEY = ("fees", "net_pnl", "final_equity")
