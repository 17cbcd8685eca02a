"""What alphaforge.toml means to an engine: balances, account, delays, instrument rules."""

from decimal import Decimal
from pathlib import Path

import pytest
from msgspec.structs import replace

from alphaforge.errors import UsageError
from alphaforge.model.enums import AccountType, FillTiming, InstrumentKind
from alphaforge.model.instrument import Instrument, default_instrument
from alphaforge.model.settings import AccountSettings, SimulationSettings
from alphaforge.services.config import Configuration, load_configuration
from alphaforge.services.engine_settings import engine_settings, instrument_rules

RULES = """
[instruments."BTC/USDT"]
price_step = 0.5
quantity_step = "0.001"
taker_bps = 5
"""


def settings(folder: Path, text: str, **flags: str) -> Configuration:
    file = folder / "alphaforge.toml"
    file.write_text(text)
    overrides = {f"paper.{name}": value for name, value in flags.items()}
    return load_configuration(file=file, overrides=overrides, environ={"HOME": str(folder)})


@pytest.fixture
def seen() -> Instrument:
    return replace(default_instrument("btc-usdt"), base="BTC", quote="USDT", source="data")


def test_the_default_account_has_a_bare_number_in_the_reporting_currency(tmp_path: Path) -> None:
    made = engine_settings(settings(tmp_path, ""), "paper", "USDT")
    assert made.account == AccountSettings(
        name="paper", cash={"USDT": Decimal(10_000)}, reporting_currency="USDT"
    )
    assert made.simulation == SimulationSettings()


def test_everything_stated_reaches_the_engine_in_its_units(tmp_path: Path) -> None:
    text = (
        '[backtest]\ncash = "1 BTC, 50"\naccount = "margin"\nleverage = 3\nslippage_bps = 2\n'
        'latency_ms = 0.25\nfill = "close"\n[risk]\nmax_open_orders = 4\n'
    )
    made = engine_settings(settings(tmp_path, text), "backtest", "EUR")
    assert made.account.cash == {"BTC": Decimal(1), "EUR": Decimal(50)}
    assert (made.account.account_type, made.account.leverage) == (AccountType.MARGIN, 3)
    assert made.simulation == SimulationSettings(
        fill_timing=FillTiming.CLOSE, slippage_bps=Decimal(2), latency_ns=250_000
    )
    assert made.risk.max_open_orders == 4


def test_the_reporting_currency_is_given_once(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="gives USDT twice"):
        engine_settings(settings(tmp_path, "", cash="5, 6 USDT"), "paper", "USDT")


def test_stated_rules_replace_what_the_data_showed(tmp_path: Path, seen: Instrument) -> None:
    ruled = instrument_rules(seen, settings(tmp_path, RULES), "paper")
    assert (ruled.symbol, ruled.source) == ("btc-usdt", "config")
    assert (ruled.price_step, ruled.quantity_step) == (Decimal("0.5"), Decimal("0.001"))
    assert ruled.min_quantity == ruled.quantity_step
    assert (ruled.maker_fee, ruled.taker_fee) == (0, Decimal("0.0005"))


def test_the_venues_own_rules_stand(tmp_path: Path, seen: Instrument) -> None:
    venue = replace(seen, source="venue", taker_fee=Decimal("0.0004"))
    assert instrument_rules(venue, settings(tmp_path, RULES), "paper") == venue


def test_without_stated_rules_only_the_fees_are_the_modes(tmp_path: Path, seen: Instrument) -> None:
    ruled = instrument_rules(seen, settings(tmp_path, "[paper]\nmaker_bps = -1\n"), "paper")
    assert ruled == replace(seen, maker_fee=Decimal("-0.0001"), taker_fee=Decimal("0.001"))


@pytest.mark.parametrize("source", ["data", "venue"])
def test_a_fee_flag_beats_everything(tmp_path: Path, seen: Instrument, source: str) -> None:
    configuration = settings(tmp_path, RULES, taker_bps="7")
    ruled = instrument_rules(replace(seen, source=source), configuration, "paper")
    assert ruled.taker_fee == Decimal("0.0007")


@pytest.mark.parametrize(("kind", "settle"), [("inverse", "BTC"), ("linear", "USDT")])
def test_a_stated_kind_settles_where_such_contracts_do(
    tmp_path: Path, seen: Instrument, kind: str, settle: str
) -> None:
    text = f'[instruments."BTC/USDT"]\nkind = "{kind}"\n'
    ruled = instrument_rules(seen, settings(tmp_path, text), "paper")
    assert (ruled.kind, ruled.settle) == (InstrumentKind(kind.upper()), settle)
