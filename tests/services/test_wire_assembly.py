"""A run over a wire as its plan: begun from files, built again from its record, gone on with."""

from decimal import Decimal
from pathlib import Path
from typing import Any

import msgspec
import pytest

from alphaforge.errors import NotFoundError, RiskRefusedError, UsageError
from alphaforge.model.enums import InstrumentKind
from alphaforge.model.instrument import Instrument
from alphaforge.services.assembly import RunOptions, plan_strategies
from alphaforge.services.config import Configuration, load_configuration
from alphaforge.services.wire_assembly import WireAssembly
from alphaforge.services.wire_run import plan_wire_run
from tests.services.running import SMA_CROSS, strategy_file

CASH = {"USDT": Decimal("1234.50000001")}
TWO = 'symbol_a: str = "BTC/USDT@a"\nsymbol_b: str = "BTC/USDT@b"\n\ndef on_start(self):\n    pass'


def rules(venue: str = "local", symbol: str = "BTC/USDT", settle: str = "USDT") -> Instrument:
    return Instrument(
        symbol=symbol,
        venue=venue,
        kind=InstrumentKind.SPOT,
        base="BTC",
        quote=settle,
        settle=settle,
        price_step=Decimal("0.01"),
        quantity_step=Decimal("0.00001"),
        min_quantity=Decimal("0.00001"),
    )


def configured(folder: Path, settings: str = "") -> Configuration:
    (folder / "alphaforge.toml").write_text(settings)
    return load_configuration(directory=folder, environ={})


def plan_of(
    folder: Path,
    target: Path = SMA_CROSS,
    sets: tuple[str, ...] = (),
    accounts: tuple[tuple[str, str], ...] = (("local", "main"),),
    settings: str = "",
) -> WireAssembly:
    options = RunOptions("paper", (), None, sets, False)
    planned = plan_strategies([str(target)], options)
    return WireAssembly("sandbox", planned, options, configured(folder, settings), accounts)


def test_a_new_run_has_the_accounts_balances_and_a_tag_nobody_else_has(tmp_path: Path) -> None:
    plan = plan_of(tmp_path)
    runs = [plan.begin(CASH, [rules()], 1_700_000_000_000_000_000) for _ in range(2)]
    settings: list[Any] = [run.settings["engine"] for run in runs]
    assert settings[0]["account"]["cash"] == {"USDT": "1234.50000001"}
    assert settings[0]["client_tag"] != settings[1]["client_tag"]
    assert len(settings[0]["client_tag"]) == 14
    assert (runs[0].mode, runs[0].venue, runs[0].account) == ("sandbox", "local", "main")


def test_the_wallet_of_the_first_symbol_is_reported_in_without_its_venues_name(
    tmp_path: Path,
) -> None:
    bot = strategy_file(tmp_path, TWO)
    plan = plan_of(tmp_path, bot, accounts=(("a", "main"), ("b", "desk")))
    both = [rules("a", "BTC/USDT@a", "USDT@a"), rules("b", "BTC/USDT@b", "USDT@b")]
    run = plan.begin({"USDT@a": Decimal(1), "USDT@b": Decimal(2)}, both, 1)
    settings: Any = run.settings["engine"]
    assert settings["account"]["reporting_currency"] == "USDT"
    assert plan.continues(run)
    assert not plan.continues(msgspec.structs.replace(run, instruments=(both[0],)))


def test_the_engine_is_made_from_the_record_alone_also_after_the_file_has_changed(
    tmp_path: Path,
) -> None:
    bot = strategy_file(tmp_path, "symbol: str = 'BTC/USDT'\n\ndef on_start(self):\n    pass")
    run = plan_of(tmp_path, bot).begin(CASH, [rules()], 1)
    bot.write_text("nothing that could be a strategy")
    engine = plan_of(tmp_path, SMA_CROSS).build(run)
    assert list(engine.strategies.runners) == [run.strategies[0].name]
    assert engine.portfolio.cash == CASH
    assert engine.execution.claims is not None


def test_only_the_same_files_with_the_same_parameters_go_on(tmp_path: Path) -> None:
    run = plan_of(tmp_path).begin(CASH, [rules()], 1)
    assert plan_of(tmp_path).continues(run)
    assert not plan_of(tmp_path, sets=("fast=7",)).continues(run)
    assert not plan_of(tmp_path, settings="[strategies.sma_cross]\nslow = 77\n").continues(run)
    assert not plan_of(tmp_path, accounts=(("box", "main"),)).continues(run)
    other = strategy_file(tmp_path, "def on_start(self):\n    pass")
    assert not plan_of(tmp_path, other).continues(run)


def test_a_run_whose_exchange_is_gone_is_not_gone_on_with(tmp_path: Path) -> None:
    plan = plan_of(tmp_path)
    run = plan.begin(CASH, [rules()], 1)
    plan.may_continue = False
    assert not plan.continues(run)


def planned(folder: Path, mode: str, settings: str = "", *targets: str) -> Any:
    options = RunOptions("paper", (), None, (), False)
    return plan_wire_run(targets or [str(SMA_CROSS)], options, mode, configured(folder, settings))


def test_live_is_refused_before_anything_is_looked_at(tmp_path: Path) -> None:
    with pytest.raises(RiskRefusedError, match="not released yet"):
        planned(tmp_path, "live", "", str(tmp_path / "no_such_file.py"))


def test_symbols_are_sorted_among_their_venues_in_order_of_appearance(tmp_path: Path) -> None:
    bot = strategy_file(tmp_path, TWO)
    venues = '[venues.a]\nkind = "local"\n[venues.b]\nkind = "local"\naccount = "desk"\n'
    run = planned(tmp_path, "sandbox", venues, str(bot))
    told = [(each.way.name, each.way.section.account, each.symbols) for each in run.venues]
    assert told == [("a", "main", ("BTC/USDT@a",)), ("b", "desk", ("BTC/USDT@b",))]
    assert all(each.starts_exchange for each in run.venues)


@pytest.mark.parametrize(
    ("routed", "error", "words"),
    [
        ("synthetic", UsageError, "synthetic"),
        ("kraken", UsageError, "has no test network"),
        ("binnance", NotFoundError, "there is no venue binnance"),
    ],
)
def test_a_venue_that_cannot_be_is_said_before_anything_starts(
    tmp_path: Path, routed: str, error: type[Exception], words: str
) -> None:
    bot = strategy_file(
        tmp_path, f'symbol: str = "X/USDT@{routed}"\n\ndef on_start(self):\n    pass'
    )
    with pytest.raises(error, match=words):
        planned(tmp_path, "sandbox", '[venues.b]\nkind = "local"\n', str(bot))
