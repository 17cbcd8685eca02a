"""From alphaforge.toml to what the engine takes: account, risk, simulation, instrument rules.

Must never read a file: it is given a loaded `Configuration`.
"""

from decimal import Decimal
from typing import Literal, TypeAlias

from msgspec.structs import replace

from alphaforge.errors import UsageError
from alphaforge.model.enums import AccountType, InstrumentKind
from alphaforge.model.instrument import Instrument
from alphaforge.model.settings import AccountSettings, EngineSettings, SimulationSettings
from alphaforge.model.symbols import match
from alphaforge.services.config import Configuration
from alphaforge.services.config_origin import Source
from alphaforge.services.config_sections import InstrumentSection, SimulatedSection
from alphaforge.services.flag_values import read_cash

SimulatedMode: TypeAlias = Literal["paper", "backtest"]
"""A mode whose orders are simulated; also the name of its section and of its account."""

_BPS = Decimal(10_000)
_NS_PER_MS = 1_000_000


def engine_settings(
    configuration: Configuration, mode: SimulatedMode, currency: str
) -> EngineSettings:
    """Settings of an engine with a simulated account.

    `currency` is the quote or settle currency of the first symbol: the reporting currency, and
    that of a bare number in `cash`. Raises `UsageError` if `cash` gives it twice.
    """
    section = simulated_section(configuration, mode)
    return EngineSettings(
        account=AccountSettings(
            name=mode,
            cash=_balances(section.cash, currency),
            reporting_currency=currency,
            account_type=_account_type(section.account),
            leverage=section.leverage,
        ),
        risk=configuration.settings.risk,
        simulation=SimulationSettings(
            fill_timing=section.fill,
            slippage_bps=section.slippage_bps,
            latency_ns=int(section.latency_ms * _NS_PER_MS),
        ),
    )


def simulated_section(configuration: Configuration, mode: SimulatedMode) -> SimulatedSection:
    """`[paper]` or `[backtest]`."""
    settings = configuration.settings
    return settings.paper if mode == "paper" else settings.backtest


def _account_type(word: str) -> AccountType | None:
    return None if word == "auto" else AccountType(word.upper())


def _balances(text: str, currency: str) -> dict[str, Decimal]:
    balances = read_cash(text)
    if "" in balances and currency in balances:
        raise UsageError(
            f"cash gives {currency} twice: {text}",
            remedy=f"a bare number is in {currency}; name the currency of each amount",
        )
    return {name or currency: amount for name, amount in balances.items()}


def instrument_rules(
    instrument: Instrument, configuration: Configuration, mode: SimulatedMode
) -> Instrument:
    """The rules an instrument trades by, from what its venue or data say and the settings.

    The venue's own rules stand; where there are none, `[instruments."SYMBOL"]` replaces what was
    seen in the data, and its `source` becomes `config`. Fees that nobody states are the mode's;
    `--maker-bps` and `--taker-bps` beat everything.
    """
    ruled = instrument
    stated = InstrumentSection()
    if instrument.source != "venue":
        sections = configuration.settings.instruments
        stated = sections.get(match(instrument.symbol, sections) or "", stated)
        ruled = _with_stated(instrument, stated)
    section = simulated_section(configuration, mode)
    fees: dict[str, Decimal] = {}
    for name, own, default in (
        ("maker", stated.maker_bps, section.maker_bps),
        ("taker", stated.taker_bps, section.taker_bps),
    ):
        is_flag = configuration.origin(f"{mode}.{name}_bps").source is Source.FLAG
        if is_flag or instrument.source != "venue":
            fees[f"{name}_fee"] = (default if is_flag or own is None else own) / _BPS
    return replace(ruled, **fees)


def _with_stated(instrument: Instrument, stated: InstrumentSection) -> Instrument:
    names = set(InstrumentSection.__struct_fields__) - {"maker_bps", "taker_bps"}
    given = {name: getattr(stated, name) for name in sorted(names)}
    given = {name: value for name, value in given.items() if value is not None}
    if "quantity_step" in given:
        given.setdefault("min_quantity", given["quantity_step"])
    if "kind" in given:
        side = "base" if given["kind"] is InstrumentKind.INVERSE else "quote"
        given.setdefault("settle", given.get(side) or getattr(instrument, side))
    return replace(instrument, **given, source="config") if given else instrument
