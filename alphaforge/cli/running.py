"""Carries a run out: on paper or over a wire, and prints what came of it.

Must never decide anything: it starts a session and shows what that says.
"""

import asyncio
import gc
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from alphaforge.cli.data_report import tell_data
from alphaforge.cli.printing import counted, print_json, print_table, talk
from alphaforge.cli.status_line import StatusLine
from alphaforge.errors import ExitCode

if TYPE_CHECKING:
    from alphaforge.services.assembly import RunOptions
    from alphaforge.services.config import Configuration
    from alphaforge.services.paper_live import LivePaper
    from alphaforge.services.session import Outcome, RunPlan
    from alphaforge.services.wire_run import WireRun
    from alphaforge.services.wire_session import WireOutcome

_ALWAYS = {"fills", "trades_seen", "fees", "realized_pnl", "unrealized_pnl"}
_NOTHING: tuple[object, ...] = (0, None, {})


class Typed(NamedTuple):
    """What was typed, read.

    Attributes:
        duration_ns: `--for`; None = without an end.
    """

    files: list[str]
    options: "RunOptions"
    configuration: "Configuration"
    duration_ns: int | None
    as_json: bool


def run_on_paper(typed: Typed, data: Sequence[Path | str]) -> int:
    """Simulated orders: on recordings, on the synthetic market, or on live markets."""
    from alphaforge.services.clock import SystemClock
    from alphaforge.services.control.attach import shown
    from alphaforge.services.paper import plan_paper_run
    from alphaforge.services.paper_live import plan_live_paper

    files, options, configuration, duration_ns, as_json = typed
    serve = shown(configuration)
    live = None
    if not data and configuration.settings.engine.venue != "synthetic":
        live = plan_live_paper(files, options, configuration, duration_ns, serve)
    if live is not None:
        plan, outcome = asyncio.run(_on_live_markets(live))
    else:
        plan = plan_paper_run(files, options, data, configuration, SystemClock())
        plan = plan._replace(duration_ns=duration_ns)
        if plan.speed is not None:  # at full speed it is over before anybody could look
            plan = plan._replace(serve=serve)
        outcome = asyncio.run(_run(plan))
    return _tell(plan, outcome, as_json=as_json)


def run_over_a_wire(typed: Typed) -> int:
    """Orders that leave: on the built-in exchange, or on a venue's test network."""
    gc.disable()  # a sixth of the time that loading takes: all of it stays
    try:
        from alphaforge.services.control.attach import shown
        from alphaforge.services.wire_run import plan_wire_run
        from alphaforge.store.records import RunStatus

        mode = typed.configuration.settings.engine.mode
        run = plan_wire_run(typed.files, typed.options, mode, typed.configuration)
    finally:
        gc.enable()
    names = ", ".join(each.way.name for each in run.venues)
    starts = any(each.starts_exchange for each in run.venues)
    talk(f"starting the built-in exchange: {names}" if starts else f"connecting to {names}")
    run = run._replace(duration_ns=typed.duration_ns, serve=shown(typed.configuration))
    outcome = asyncio.run(_over_the_wire(run))
    if outcome is None:
        talk("stopped before the run began: nothing was sent")
        return ExitCode.INTERRUPTED
    _print_summary(outcome.summary, as_json=typed.as_json)
    if outcome.status is RunStatus.INTERRUPTED:
        return ExitCode.INTERRUPTED
    return ExitCode.FAILED if outcome.status is RunStatus.FAILED else ExitCode.OK


class _Frozen(StatusLine):
    """Shows a run that trades over a wire, whose collections must not hold an order up."""

    def certain(self, seconds: float) -> None:
        """See `StatusLine`; what is alive now stays: no collection need look at it again."""
        gc.freeze()
        super().certain(seconds)


async def _over_the_wire(run: "WireRun") -> "WireOutcome | None":
    from alphaforge.services.clock import SystemClock
    from alphaforge.services.stopping import StopRequest, StuckError, stop_on_signals
    from alphaforge.services.wire_run import run_over_the_wire

    stop = StopRequest()
    line = _Frozen(sys.stderr, SystemClock(), in_tenths=False)
    with stop_on_signals(stop):
        try:
            return await run_over_the_wire(run, stop, line)
        except StuckError:
            raise KeyboardInterrupt from None
        finally:
            line.end()


async def _on_live_markets(live: "LivePaper") -> "tuple[RunPlan, Outcome]":
    from alphaforge.services.clock import SystemClock
    from alphaforge.services.stopping import StopRequest, StuckError, stop_on_signals

    stop = StopRequest()
    line = StatusLine(sys.stderr, SystemClock(), in_tenths=False)
    with stop_on_signals(stop):
        try:
            return await live.run(SystemClock(), stop, line)
        except StuckError:
            raise KeyboardInterrupt from None
        finally:
            line.end()


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
    _print_summary(outcome.summary, as_json=as_json)
    if outcome.status is RunStatus.INTERRUPTED:
        return ExitCode.INTERRUPTED
    if outcome.error is not None:
        raise outcome.error
    return ExitCode.OK


def _print_summary(summary: dict[str, object], *, as_json: bool) -> None:
    if as_json:
        print_json(summary)
    else:
        print_table(("summary", ""), _rows(summary))


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
