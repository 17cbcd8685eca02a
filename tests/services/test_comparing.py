"""Our balances and positions beside the venue's: every difference, and nothing else."""

from decimal import Decimal

import pytest
from msgspec.structs import replace

from alphaforge.engine.core import Engine
from alphaforge.model.claims import BalanceReport, PositionReport
from alphaforge.model.settings import AccountSettings, EngineSettings
from alphaforge.services.comparing import compare
from alphaforge.store.records import Difference
from tests.engine.driving import LINEAR
from tests.engine.wire import ACCOUNT, BTC, SYMBOL, VENUE, Wire, traded

PERP = replace(LINEAR, symbol="BTC/USDT:USDT", venue=VENUE)


def differences(
    engine: Engine, balances: dict[str, str], positions: dict[str, str] | None = None
) -> list[tuple[str, str, str, str]]:
    told = [BalanceReport(name, Decimal(text)) for name, text in balances.items()]
    held = [PositionReport(name, Decimal(text)) for name, text in (positions or {}).items()]
    found = compare(engine, VENUE, told, held)
    return [(each.kind, each.subject, each.ours, each.theirs) for each in found]


def engine_of(cash: dict[str, str], *instruments: object) -> Engine:
    exact = {name: Decimal(text) for name, text in cash.items()}
    account = AccountSettings(name=ACCOUNT, cash=exact, reporting_currency="USDT")
    rules = {each.symbol: each for each in instruments}  # type: ignore[attr-defined]  # instruments
    return Engine(EngineSettings(account=account), rules)  # type: ignore[arg-type]  # the same


def test_equal_books_have_no_differences_however_the_digits_are_written():
    engine = engine_of({"USDT": "100", "BTC": "1"}, BTC)
    assert differences(engine, {"USDT": "100.00", "BTC": "1.0"}) == []


def test_one_unit_of_the_last_digit_is_a_difference():
    engine = engine_of({"USDT": "100", "BTC": "1"}, BTC)
    assert differences(engine, {"USDT": "100.00000001", "BTC": "1"}) == [
        ("balance", "USDT", "100", "100.00000001")
    ]


def test_a_balance_the_venue_does_not_mention_is_zero_there():
    engine = engine_of({"USDT": "100", "BTC": "1"}, BTC)
    assert differences(engine, {"USDT": "100"}) == [("balance", "BTC", "1", "0")]


def test_a_balance_we_do_not_have_is_zero_here():
    engine = engine_of({"USDT": "100"}, BTC)
    assert differences(engine, {"USDT": "100", "BTC": "2"}) == [("balance", "BTC", "0", "2")]


def test_a_currency_that_this_run_does_not_trade_is_none_of_its_business():
    engine = engine_of({"USDT": "100"}, BTC)
    assert differences(engine, {"USDT": "100", "DOGE": "7"}) == []


def test_another_venues_symbols_are_not_compared():
    engine = engine_of({"USDT": "100"}, replace(BTC, venue="elsewhere"))
    assert differences(engine, {}) == []


def test_a_derivative_has_a_position_and_no_balance_of_its_base():
    engine = engine_of({"USDT": "100"}, PERP)
    assert differences(engine, {"USDT": "100", "BTC": "5"}, {PERP.symbol: "0"}) == []
    assert differences(engine, {"USDT": "100"}, {PERP.symbol: "-2"}) == [
        ("position", PERP.symbol, "0", "-2")
    ]


def test_spot_has_balances_and_no_position():
    engine = engine_of({"USDT": "100"}, BTC)
    assert differences(engine, {"USDT": "100"}, {SYMBOL: "3"}) == []


@pytest.mark.parametrize("foreign", [True, False])
def test_whoever_traded_it_is_the_accounts(foreign: bool):
    wire = Wire()
    wire.put(traded(None if foreign else wire.buy(), quantity=4, venue_id="v9"))
    told = {"USDT": str(100_000 - 400 - Decimal("0.5")), "BTC": "104"}
    assert differences(wire.engine, told) == []
    assert differences(wire.engine, told | {"BTC": "100"}) == [("balance", "BTC", "104", "100")]


def test_each_says_in_words_what_it_can_come_from():
    engine = engine_of({"USDT": "100"}, PERP)
    balance, position = compare(engine, VENUE, [], [PositionReport(PERP.symbol, Decimal(1))])
    assert isinstance(balance, Difference)
    assert "deposit" in balance.cause
    assert "liquidation" in position.cause
