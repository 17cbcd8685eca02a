"""Makes the engine of a run again from the run's record alone.

A strategy file that has changed since is used as it was then. Must never feed an event.
"""

import hashlib
import tempfile
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any, Final

import msgspec

from alphaforge.engine.build import simulate
from alphaforge.engine.core import Engine
from alphaforge.engine.strategy import Strategy
from alphaforge.model.settings import EngineSettings
from alphaforge.services.strategy_files import LoadedStrategy, build_strategy, load_strategy
from alphaforge.services.strategy_parameters import configure
from alphaforge.store.records import RunRecord, StrategySource

WIRE_MODES: Final = frozenset({"sandbox", "live"})
"""Modes whose orders go over a wire: their engines have no simulated venue."""


def rebuild_engine(run: RunRecord) -> Engine:
    """The engine a run began with: strategies registered, none started.

    Raises `StrategyError` where a strategy cannot be made any more.
    """
    settings: dict[str, Any] = run.settings
    engine_settings = msgspec.convert(settings["engine"], EngineSettings)
    instruments = {instrument.symbol: instrument for instrument in run.instruments}
    if run.mode in WIRE_MODES:
        engine = Engine(engine_settings, instruments)
    else:
        engine = simulate(engine_settings, instruments, settings["native_kinds"])
    for source in run.strategies:
        strategy = _strategy_as_it_was(source, settings["classes"][source.name])
        values = configure(strategy.cls, run.parameters.get(source.name, {}))
        engine.register(source.name, partial(build_strategy, strategy, values))
    engine.strategies.maker = maker_of(run)
    return engine


def maker_of(run: RunRecord) -> Callable[[str, str, str], Callable[[], Strategy]]:
    """What makes strategies of a run anew: see `StrategyManager.maker`.

    Raises `StrategyError` for a source, `UsageError` for parameters that are wrong.
    """
    sources = {each.name: each for each in run.strategies}
    classes: dict[str, str] = run.settings["classes"]

    def make(name: str, parameters: str, text: str) -> Callable[[], Strategy]:
        source = sources[name]
        if text:
            digest = hashlib.sha256(text.encode()).hexdigest()
            source = StrategySource(name, source.path, text, digest)
        strategy = _strategy_as_it_was(source, classes[name])
        given: dict[str, Any] = msgspec.json.decode(parameters)
        return partial(build_strategy, strategy, configure(strategy.cls, given))

    return make


def _strategy_as_it_was(source: StrategySource, class_name: str) -> LoadedStrategy:
    """The file if it is still the same, else its text of then."""
    path = Path(source.path)
    if path.is_file() and hashlib.sha256(path.read_bytes()).hexdigest() == source.sha256:
        return load_strategy(f"{path}:{class_name}")
    with tempfile.TemporaryDirectory() as folder:
        copy = Path(folder) / path.name
        copy.write_text(source.source, encoding="utf-8", newline="")
        return load_strategy(f"{copy}:{class_name}")
