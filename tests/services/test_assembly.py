"""From flags, settings and data to an engine: which value wins, whose rules, whose currency."""

from decimal import Decimal

import pytest

from alphaforge.errors import ConfigError, UsageError
from alphaforge.model.enums import AccountType, InstrumentKind
from tests.services.running import SMA_CROSS, plan_in, strategy_file, trades_csv

BARS = "date,open,high,low,close,volume\n" + "\n".join(
    f"2024-01-01 0{hour}:00,100,101,99,100.{hour},5" for hour in range(8)
)


@pytest.fixture
def bars(tmp_path):
    path = tmp_path / "bars.csv"
    path.write_text(BARS)
    return path


def values_of(plan) -> dict[str, object]:
    return next(iter(plan.assembly.parameters.values()))


def test_the_time_frame_of_bar_data_is_above_the_settings(tmp_path, bars):
    settings = '[strategies.sma_cross]\ntimeframe = "1s"\nfast = 7\n'
    values = values_of(plan_in(tmp_path, [SMA_CROSS], [bars], settings=settings))
    assert (values["timeframe"], values["fast"], values["slow"]) == ("1h", 7, 30)


def test_the_settings_stand_where_the_data_are_trades(tmp_path):
    data = trades_csv(tmp_path, [(0, 100, 1)])
    settings = '[strategies.sma_cross]\ntimeframe = "1s"\n'
    assert values_of(plan_in(tmp_path, [SMA_CROSS], [data], settings=settings))["timeframe"] == "1s"


def test_flags_are_above_the_data_and_set_is_above_all(tmp_path, bars):
    flagged = plan_in(tmp_path, [SMA_CROSS], [bars], timeframe="4h")
    assert values_of(flagged)["timeframe"] == "4h"
    plan = plan_in(tmp_path, [SMA_CROSS], [bars], timeframe="4h", sets=["timeframe=2h"])
    assert values_of(plan)["timeframe"] == "2h"


def test_a_time_frame_nobody_has_a_parameter_for_is_a_usage_error(tmp_path, bars):
    bot = strategy_file(tmp_path, "symbol: str = 'X/Y'\n\ndef on_start(self):\n    pass")
    with pytest.raises(UsageError, match="--timeframe"):
        plan_in(tmp_path, [bot], [bars], timeframe="1m")


def test_symbol_names_the_file_and_sets_the_parameter(tmp_path, bars):
    plan = plan_in(tmp_path, [SMA_CROSS], [bars], symbols=["ETH/EUR"])
    assert values_of(plan)["symbol"] == "ETH/EUR"
    assert list(plan.assembly.market.instruments) == ["ETH/EUR"]
    assert plan.assembly.settings.account.cash == {"EUR": Decimal(10_000)}


def test_a_file_without_a_symbol_takes_the_strategys(tmp_path, bars):
    plan = plan_in(tmp_path, [SMA_CROSS], [bars], sets=["symbol=ETH/EUR"])
    assert list(plan.assembly.market.instruments) == ["ETH/EUR"]


def test_as_many_symbols_as_files_name_them_one_by_one(tmp_path, bars):
    other = tmp_path / "other.csv"
    other.write_text(BARS)
    plan = plan_in(tmp_path, [SMA_CROSS], [bars, other], symbols=["A/USD", "B/USD"])
    assert list(plan.assembly.market.instruments) == ["A/USD", "B/USD"]


def test_a_list_of_symbols_takes_all_of_them(tmp_path, bars):
    body = "symbols: list[str] = ['A/USD']\n\ndef on_start(self):\n    pass"
    other = tmp_path / "other.csv"
    other.write_text(BARS)
    bot = strategy_file(tmp_path, body)
    plan = plan_in(tmp_path, [bot], [bars, other], symbols=["A/USD", "B/USD"])
    assert plan.assembly.parameters == {"bot": {"symbols": ["A/USD", "B/USD"]}}


def test_cash_account_and_fees_come_from_the_flags(tmp_path, bars):
    plan = plan_in(
        tmp_path,
        [SMA_CROSS],
        [bars],
        cash="500, 0.1 BTC",
        account="margin",
        leverage="3",
        maker_bps="-1",
        taker_bps="5",
        latency_ms="1.5",
    )
    account = plan.assembly.settings.account
    assert account.cash == {"USDT": Decimal(500), "BTC": Decimal("0.1")}
    assert (account.account_type, account.leverage) == (AccountType.MARGIN, Decimal(3))
    assert account.reporting_currency == "USDT"
    instrument = plan.assembly.market.instruments["BTC/USDT"]
    assert (instrument.maker_fee, instrument.taker_fee) == (Decimal("-0.0001"), Decimal("0.0005"))
    assert plan.assembly.settings.simulation.latency_ns == 1_500_000


def test_configured_rules_win_over_what_the_data_show(tmp_path, bars):
    settings = '[instruments."btc-usdt"]\nquantity_step = "0.25"\ntaker_bps = 2\n'
    plan = plan_in(tmp_path, [SMA_CROSS], [bars], settings=settings)
    instrument = plan.assembly.market.instruments["BTC/USDT"]
    assert (instrument.quantity_step, instrument.min_quantity) == (Decimal("0.25"), Decimal("0.25"))
    assert (instrument.price_step, instrument.source) == (Decimal("0.1"), "config")
    assert instrument.taker_fee == Decimal("0.0002")


def test_an_inverse_stream_trades_only_with_a_definition(tmp_path, data_file):
    data = data_file("binance_cm_btcusd_perp_20240808.jsonl.gz")
    with pytest.raises(ConfigError, match="inverse"):
        plan_in(tmp_path, [SMA_CROSS], [data], symbols=["BTC/USD"])
    settings = (
        '[instruments."BTC/USD"]\nkind = "INVERSE"\nbase = "BTC"\nquote = "USD"\n'
        'settle = "BTC"\nmultiplier = 100\nprice_step = "0.1"\nquantity_step = 1\n'
    )
    plan = plan_in(tmp_path, [SMA_CROSS], [data], symbols=["BTC/USD"], settings=settings, cash="2")
    instrument = plan.assembly.market.instruments["BTC/USD"]
    assert (instrument.kind, instrument.venue) == (InstrumentKind.INVERSE, "binancecoinm")
    assert plan.assembly.settings.account.cash == {"BTC": Decimal(2)}


def test_one_symbol_of_two_venues_must_be_told_apart(tmp_path, data_file):
    spot = data_file("binance_spot_btcusdt_20240808.jsonl.gz")
    perpetual = data_file("binance_usdm_btcusdt_20240808.jsonl.gz")
    with pytest.raises(UsageError, match="binance and of binanceusdm"):
        plan_in(tmp_path, [SMA_CROSS], [spot, perpetual])
    symbols = ["BTC/USDT", "BTC/USDT:USDT"]
    plan = plan_in(tmp_path, [SMA_CROSS], [spot, perpetual], symbols=symbols)
    assert {each.venue for each in plan.assembly.market.instruments.values()} == {
        "binance",
        "binanceusdm",
    }


def test_trades_and_quotes_of_one_symbol_take_the_finer_steps(tmp_path):
    trades = trades_csv(tmp_path, [(0, 100.5, 1)])
    quotes = tmp_path / "quotes.csv"
    quotes.write_text("timestamp,bid,ask\n1700000000,100.25,100.75\n")
    plan = plan_in(tmp_path, [SMA_CROSS], [trades, quotes])
    instrument = plan.assembly.market.instruments["BTC/USDT"]
    assert (instrument.price_step, instrument.quantity_step) == (Decimal("0.01"), Decimal("1E-8"))
