"""Puts an engine together: strategies from files, a market, settings, values of parameters.

`plan_strategies` → `open_recordings` or a synthetic market → `assemble`. Paper runs and backtests
both come through here, so that both see the same strategies on the same instruments. Must never
feed an event: what it returns has not started.
"""

from collections.abc import Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import NamedTuple, cast

from msgspec.structs import replace

from alphaforge.engine.build import simulate
from alphaforge.engine.core import Engine
from alphaforge.errors import UsageError
from alphaforge.marketdata.dataset import Dataset, open_dataset
from alphaforge.marketdata.synthetic import SyntheticMarket
from alphaforge.model.enums import InstrumentKind
from alphaforge.model.instrument import Instrument, default_instrument
from alphaforge.model.settings import EngineSettings
from alphaforge.model.symbols import match
from alphaforge.services.config import Configuration
from alphaforge.services.engine_settings import SimulatedMode, engine_settings, instrument_rules
from alphaforge.services.strategy_files import LoadedStrategy, build_strategy, load_strategies
from alphaforge.services.strategy_parameters import assign_settings
from alphaforge.services.strategy_settings import resolve_parameters

DEFAULT_SYMBOL = "BTC/USDT"
"""What a synthetic market trades when neither a flag nor a strategy names a symbol."""


class RunOptions(NamedTuple):
    """What the command line says about strategies, symbols and data.

    Attributes:
        mode: Whose section of the settings applies, where orders are simulated.
        symbols: Each `--symbol`, in order.
        timeframe: `--timeframe`; None leaves the strategies' parameter to data and settings.
        assignments: Each `--set`, as typed.
        strict: The first bad row of a data file is an error.
        kind: `trades`, `quotes` or `bars`, where a file's header could mean several.
    """

    mode: SimulatedMode = "paper"
    symbols: tuple[str, ...] = ()
    timeframe: str | None = None
    assignments: tuple[str, ...] = ()
    strict: bool = False
    kind: str | None = None


class PlannedStrategy(NamedTuple):
    """A strategy of the run before the data are known.

    Attributes:
        loaded: Its file and its unique name.
        assigned: What `--set` says, as typed.
        symbol: What `--symbol` says; None where its own parameter stands.
    """

    loaded: LoadedStrategy
    assigned: Mapping[str, object]
    symbol: str | None


class Market(NamedTuple):
    """What can be traded.

    Attributes:
        instruments: Rules by symbol, as the data or the venue give them.
        native_kinds: Kind of bar by symbol, where the data are bars.
    """

    instruments: dict[str, Instrument]
    native_kinds: dict[str, str]


class Assembly(NamedTuple):
    """An engine that is ready to start, and all that says how it was made.

    Attributes:
        engine: With every strategy registered, none started.
        settings: What it was built from.
        market: Instruments as they trade: with configured rules and fees.
        strategies: In command-line order.
        parameters: Every parameter's value by strategy name, defaults included.
    """

    engine: Engine
    settings: EngineSettings
    market: Market
    strategies: tuple[LoadedStrategy, ...]
    parameters: dict[str, dict[str, object]]


def plan_strategies(targets: Sequence[str], options: RunOptions) -> list[PlannedStrategy]:
    """Load strategy files and sort `--set` and `--symbol` among them.

    Several `--symbol` make one instance per symbol of a strategy that has one `symbol` parameter;
    instances are numbered `-2`, `-3` like a file named twice.

    Raises `NotFoundError`, `StrategyError` as `load_strategies`, `UsageError` for a wrong `--set`.
    """
    loaded = load_strategies(targets)
    classes = {strategy.name: strategy.cls for strategy in loaded}
    assigned = assign_settings(options.assignments, classes)
    if options.timeframe and not any("timeframe" in each.parameters for each in loaded):
        raise UsageError(
            "--timeframe sets the parameter `timeframe`, which no strategy here has",
            remedy="see its parameters: alphaforge strategy check FILE",
        )
    planned: list[PlannedStrategy] = []
    counts: dict[str, int] = {}
    for strategy in loaded:
        for symbol in _symbols_for(strategy, assigned[strategy.name], options.symbols):
            count = counts[strategy.stem] = counts.get(strategy.stem, 0) + 1
            name = strategy.stem if count == 1 else f"{strategy.stem}-{count}"
            instance = strategy._replace(name=name)
            planned.append(PlannedStrategy(instance, assigned[strategy.name], symbol))
    return planned


def _symbols_for(
    strategy: LoadedStrategy, assigned: Mapping[str, object], symbols: Sequence[str]
) -> Sequence[str | None]:
    """The symbol of each instance of a strategy; one None where `--symbol` says nothing to it."""
    if not symbols or "symbol" not in strategy.parameters or "symbol" in assigned:
        return (None,)
    return symbols[:1] if "symbols" in strategy.parameters else symbols


def wanted_symbols(
    planned: Sequence[PlannedStrategy], options: RunOptions, configuration: Configuration
) -> list[str]:
    """Symbols the run speaks of, as a person spelled them: `--symbol`, else the parameters' own."""
    wanted = list(options.symbols)
    for plan in planned:
        values = _values(plan, options, configuration, "")
        for name, value in values.items():
            if "symbol" in name:
                wanted += [value] if isinstance(value, str) else _texts(value)
    return list(dict.fromkeys(wanted))


def _texts(value: object) -> list[str]:
    """The texts of a list; nothing for any other value."""
    if not isinstance(value, list | tuple):
        return []
    items = cast("Sequence[object]", value)
    return [item for item in items if isinstance(item, str)]


def open_recordings(
    paths: Sequence[Path | str],
    planned: Sequence[PlannedStrategy],
    options: RunOptions,
    configuration: Configuration,
) -> list[Dataset]:
    """Open data files, each symbol spelled as the run spells it.

    As many `--symbol` as files name them one by one; otherwise they name what has no name.
    Raises as `open_dataset`.
    """
    symbols, wanted = options.symbols, wanted_symbols(planned, options, configuration)
    paired = len(symbols) == len(paths)
    return [
        open_dataset(
            path,
            symbol=symbols[place] if paired else None,
            wanted=wanted,
            strict=options.strict,
            kind=options.kind,
            cache_dir=configuration.directory / "data" / "facts",
            instruments=_inverse_instruments(configuration, options.mode),
        )
        for place, path in enumerate(paths)
    ]


def _inverse_instruments(
    configuration: Configuration, mode: SimulatedMode
) -> dict[str, Instrument]:
    """Configured inverse instruments: a reader refuses an inverse stream without one."""
    return {
        symbol: instrument_rules(default_instrument(symbol), configuration, mode)
        for symbol, section in configuration.settings.instruments.items()
        if section.kind is InstrumentKind.INVERSE
    }


def recorded_market(datasets: Sequence[Dataset]) -> Market:
    """Everything in some data files; of a symbol in several, the finer steps.

    Raises `UsageError` where two venues' files give the same symbol.
    """
    instruments: dict[str, Instrument] = {}
    kinds: dict[str, str] = {}
    for dataset in datasets:
        for symbol, instrument in dataset.instruments.items():
            known = instruments.get(symbol)
            instruments[symbol] = instrument if known is None else _same(known, instrument)
            if dataset.timeframe is not None and "bars" in dataset.kinds:
                kinds[symbol] = dataset.timeframe
    return Market(instruments, kinds)


def _same(first: Instrument, second: Instrument) -> Instrument:
    """One symbol seen in two files: the rules that fit both."""
    if first.venue != second.venue and "sim" not in {first.venue, second.venue}:
        raise UsageError(
            f"{first.symbol} is in the data of {first.venue} and of {second.venue}",
            remedy="give each file a symbol of its own, in order: --symbol A/USD --symbol B/USD",
        )
    return replace(
        first,
        price_step=min(first.price_step, second.price_step),
        quantity_step=min(first.quantity_step, second.quantity_step),
        min_quantity=min(first.min_quantity, second.min_quantity),
    )


def synthetic_market(wanted: Sequence[str], seed: int, start_ns: int) -> SyntheticMarket:
    """The built-in random market of the symbols a run speaks of."""
    return SyntheticMarket(tuple(wanted) or (DEFAULT_SYMBOL,), seed, start_ns)


def assemble(
    planned: Sequence[PlannedStrategy],
    market: Market,
    options: RunOptions,
    configuration: Configuration,
) -> Assembly:
    """Make an engine with a simulated venue and every planned strategy registered.

    Parameters, weakest first: default, `[strategies.NAME]`, the time frame of bar data,
    `--timeframe` and `--symbol`, `--set`.

    Raises `UsageError` or `ConfigError` for a wrong value, `StrategyError` for a constructor that
    raises.
    """
    instruments = {
        symbol: instrument_rules(instrument, configuration, options.mode)
        for symbol, instrument in market.instruments.items()
    }
    traded = Market(instruments, market.native_kinds)
    parameters = {
        plan.loaded.name: values_of(plan, traded, options, configuration) for plan in planned
    }
    first = first_symbol(instruments, options, parameters)
    settings = engine_settings(configuration, options.mode, instruments[first].settle)
    engine = simulate(settings, instruments, market.native_kinds)
    strategies = tuple(plan.loaded for plan in planned)
    for strategy in strategies:
        values = parameters[strategy.name]
        engine.register(strategy.name, partial(build_strategy, strategy, values))
    return Assembly(engine, settings, traded, strategies, parameters)


def values_of(
    plan: PlannedStrategy, market: Market, options: RunOptions, configuration: Configuration
) -> dict[str, object]:
    """The value of every parameter of one strategy on a market.

    Raises `UsageError` or `ConfigError` for a wrong value.
    """
    return _values(plan, options, configuration, _timeframe(plan, market, options))


def _values(
    plan: PlannedStrategy, options: RunOptions, configuration: Configuration, timeframe: str
) -> dict[str, object]:
    """The value of every parameter of one strategy."""
    strategy = plan.loaded
    implied: dict[str, object] = {}
    if timeframe and "timeframe" in strategy.parameters:
        implied["timeframe"] = timeframe
    if plan.symbol is not None:
        implied["symbol"] = plan.symbol
    if options.symbols and "symbols" in strategy.parameters:
        implied["symbols"] = list(options.symbols)
    given = resolve_parameters(strategy, configuration, plan.assigned, implied)
    return {
        name: given.get(name, parameter.default) for name, parameter in strategy.parameters.items()
    }


def _timeframe(plan: PlannedStrategy, market: Market, options: RunOptions) -> str:
    """`--timeframe`, else the kind of bar of the strategy's data; empty where there is neither."""
    if options.timeframe:
        return options.timeframe
    kinds = market.native_kinds
    symbol = plan.assigned.get("symbol", plan.symbol)
    named = match(str(symbol), kinds) if symbol is not None else None
    if named is not None:
        return kinds[named]
    return next(iter(kinds.values())) if len(set(kinds.values())) == 1 else ""


def first_symbol(
    instruments: Mapping[str, Instrument],
    options: RunOptions,
    parameters: Mapping[str, Mapping[str, object]],
) -> str:
    """The symbol whose currency the account is stated in: as the flags, then the strategies say."""
    own = [values["symbol"] for values in parameters.values() if "symbol" in values]
    for symbol in (*options.symbols, *own):
        found = match(str(symbol), instruments)
        if found is not None:
            return found
    return next(iter(instruments))
