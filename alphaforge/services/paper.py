"""From what was typed to a paper run that is ready to start: market, engine, record.

Reads data files (their first pass) and settings. Must start nothing and write nothing.
"""

from collections.abc import Sequence
from pathlib import Path

from alphaforge.services.assembly import (
    Market,
    PlannedStrategy,
    RunOptions,
    assemble,
    open_recordings,
    plan_strategies,
    recorded_market,
    synthetic_market,
    wanted_symbols,
)
from alphaforge.services.clock import Clock
from alphaforge.services.config import Configuration
from alphaforge.services.feed import Feed, RecordedFeed, SyntheticFeed
from alphaforge.services.flag_values import read_speed
from alphaforge.services.run_journal import new_run_id, run_record
from alphaforge.services.session import RunPlan

_SECOND_NS = 1_000_000_000


def plan_paper_run(
    targets: Sequence[str],
    options: RunOptions,
    paths: Sequence[Path | str],
    configuration: Configuration,
    clock: Clock,
) -> RunPlan:
    """Open the market, build the engine and say what the run is.

    Without `paths` the market is synthetic and begins with the current second. `duration_ns` is
    left to the caller. Raises the errors of its parts.
    """
    settings = configuration.settings
    planned = plan_strategies(targets, options)
    market, feed = _open(planned, options, paths, configuration, clock)
    assembly = assemble(planned, market, options, configuration)
    started = clock.wall_ns()
    record = run_record(
        assembly,
        feed.sources,
        run_id=new_run_id(started),
        seed=settings.engine.seed,
        started=started,
        symbols=feed.symbols,
    )
    speed = read_speed(settings.paper.speed)
    store_url, durability = configuration.store_url, settings.store.durability
    plan = RunPlan(assembly, feed, record, store_url, speed, durability=durability)
    return plan._replace(callback_seconds=float(settings.engine.callback_seconds))


def _open(
    planned: Sequence[PlannedStrategy],
    options: RunOptions,
    paths: Sequence[Path | str],
    configuration: Configuration,
    clock: Clock,
) -> tuple[Market, Feed]:
    """The market's instruments, and the stream of its events."""
    if paths:
        datasets = open_recordings(paths, planned, options, configuration)
        return recorded_market(datasets), RecordedFeed(datasets)
    start = clock.wall_ns() // _SECOND_NS * _SECOND_NS
    wanted = wanted_symbols(planned, options, configuration)
    synthetic = synthetic_market(wanted, configuration.settings.engine.seed, start)
    return Market(dict(synthetic.instruments), {}), SyntheticFeed(synthetic)
