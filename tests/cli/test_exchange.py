"""`alphaforge exchange`: what there is and what each does, without a network."""

import subprocess
import sys
from pathlib import Path

import ccxt
import pytest

from alphaforge.services.exchange_facts import markdown_table, title_of
from alphaforge.venues.ccxt_profiles import PROFILES

REPOSITORY = Path(__file__).resolve().parents[2]


def test_the_list_holds_every_exchange_of_ccxt_and_the_built_in_one(run) -> None:
    content = run("exchange", "list", "--json").json
    assert content["ccxt"] == ccxt.__version__
    by_id = {each["id"]: each for each in content["exchanges"]}
    assert list(by_id) == ["local", *ccxt.exchanges]
    assert by_id["binance"] == {
        "id": "binance",
        "title": "Binance",
        "has_profile": True,
        "test_network": "sandbox",
        "has_streams": True,
    }
    assert by_id["kraken"]["test_network"] is None
    assert {name for name, each in by_id.items() if each["has_profile"]} == {"local", *PROFILES}


def test_the_list_of_test_networks_holds_those_that_can_be_proved(run) -> None:
    ids = [line.split("\t")[0] for line in run("exchange", "list", "--sandbox").out.splitlines()]
    proved = [name for name, each in PROFILES.items() if each.test_network.way]
    assert ids == ["local", *sorted(proved)]


@pytest.mark.parametrize("name", [each for each in ccxt.exchanges if each not in PROFILES])
def test_an_exchange_is_called_what_it_calls_itself(name: str) -> None:
    assert title_of(name) == getattr(ccxt, name)().name


def test_the_list_imports_no_exchange() -> None:
    program = (
        "import sys; from alphaforge.cli.main import main; main(['exchange', 'list']);"
        "sys.exit(sum(each.startswith('ccxt') for each in sys.modules))"
    )
    ended = subprocess.run(
        [sys.executable, "-c", program], cwd=REPOSITORY, capture_output=True, check=False
    )
    assert ended.returncode == 0
    assert b"binance" in ended.stdout


@pytest.mark.parametrize("name", [*PROFILES, "local", "zaif"])
def test_every_exchange_can_be_shown(run, name: str) -> None:
    shown, content = run("exchange", "info", name), run("exchange", "info", name, "--json").json
    assert shown.code == 0
    assert f"venue\t{name}\n" in shown.out
    assert content["venue"] == name
    types = {each for how in ("native", "held", "denied") for each in content["spot"][how]}
    assert types == {"MARKET", "LIMIT", "STOP_MARKET", "STOP_LIMIT", "TRAILING_STOP"}


def test_what_is_shown_is_what_the_profile_says(run) -> None:
    content = run("exchange", "info", "kraken", "--json").json
    assert content["test_network"]["way"] is None
    assert content["test_network"]["why_none"] == "Kraken spot has no test network"
    assert content["request_expires_after_ms"] is None
    assert content["absence_can_be_proved"] is False
    assert any("stays in doubt" in note for note in content["notes"])


def test_a_venue_of_the_settings_is_shown_with_its_own_settings(run, folder: Path) -> None:
    (folder / "alphaforge.toml").write_text(
        '[venues.mine]\nexchange = "bybit"\naccount = "desk"\nrecv_window_ms = 2000\n'
        'market = "linear"\n'
    )
    content = run("exchange", "info", "mine", "--json").json
    assert (content["exchange"], content["account"], content["market"]) == (
        "bybit",
        "desk",
        "linear",
    )
    assert content["request_expires_after_ms"] == 2000


@pytest.mark.parametrize("verb", ["info", "markets", "test"])
def test_an_unknown_venue_is_exit_7_with_the_nearest_name(run, verb: str) -> None:
    ended = run("exchange", verb, "binanse")
    assert (ended.code, ended.out) == (7, "")
    assert "did you mean binance?" in ended.err


@pytest.mark.parametrize("name", ["kraken", "coinbase", "kucoin", "zaif"])
def test_a_venue_without_a_test_network_says_so_at_once(run, name: str) -> None:
    ended = run("exchange", "test", name)
    assert ended.code == 2
    assert f"{name} has no test network" in ended.err
    assert "binance, " in ended.err
    assert "local" in ended.err


@pytest.mark.parametrize("verb", ["markets", "test"])
def test_the_built_in_exchange_is_there_only_while_it_runs(run, verb: str) -> None:
    ended = run("exchange", verb, "local")
    assert ended.code == 2
    assert "alphaforge sandbox serve" in ended.err


def test_the_page_holds_the_table_of_the_program() -> None:
    text = (REPOSITORY / "docs" / "exchanges.md").read_text(encoding="utf-8")
    held = text.partition("<!-- profiles -->\n")[2].partition("\n<!-- end -->")[0]
    assert held == markdown_table(), "put exchange_facts.markdown_table() there"
