"""What is wrong with settings is told with file, line, key and what would be right; all of it."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from alphaforge.errors import ConfigError
from alphaforge.services.config import ConfigProblemsError, load_configuration
from alphaforge.services.config_check import check_table
from alphaforge.services.config_keys import all_keys


def problems_of(folder: Path, text: str, **environ: str) -> list[ConfigError]:
    file = folder / "alphaforge.toml"
    file.write_text(text, encoding="utf-8")
    with pytest.raises(ConfigError) as caught:
        load_configuration(file=file, environ={"HOME": str(folder), **environ})
    found = caught.value
    return list(found.problems) if isinstance(found, ConfigProblemsError) else [found]


def the_problem(folder: Path, text: str, **environ: str) -> ConfigError:
    (found,) = problems_of(folder, text, **environ)
    return found


@pytest.mark.parametrize(
    ("text", "line", "key", "message", "remedy"),
    [
        ("[engine]\nmoed = 'paper'", 2, "engine.moed", "no such key", "engine.mode?"),
        ("[riks]\na = 1", 1, "riks", "no such key", "did you mean risk?"),
        ("seed = 3", 1, "seed", "no such key", ""),
        ("[engine]\nseed = 'x'", 2, "engine.seed", "expected whole number", "whole number"),
        ("[engine]\nseed = 1.0", 2, "engine.seed", "expected whole number", "whole number"),
        ("[engine]\nseed = true", 2, "engine.seed", "expected whole number", "whole number"),
        ("[engine]\nseed = -1", 2, "engine.seed", "at least 0, got -1", "≥ 0"),
        ("[engine]\nmode = 'backtest'", 2, "engine.mode", "paper, sandbox, live", "one of paper"),
        ("[engine]\nvenue = 5", 2, "engine.venue", "expected text", "text"),
        ("[engine]\nvenue = 'x'", 2, "engine.venue", "there is no venue x", "[venues.x]"),
        ("[routing]\n'A/B' = 'x'", 2, 'routing."A/B"', "there is no venue x", "[venues.x]"),
        (
            "[routing]\n'A/B' = 'krakn'",
            2,
            'routing."A/B"',
            "no venue krakn",
            "did you mean kraken?",
        ),
        ("[venues.mine]", 1, "venues.mine", "no exchange mine in ccxt", 'exchange = "'),
        ("[venues.kraken]\nexchange = 'krakn'", 2, "venues.kraken.exchange", "krakn", "kraken?"),
        (
            "[venues.x]\nkind = 'local'\nexchange = 'okx'",
            3,
            "venues.x.exchange",
            "does not speak okx",
            "binance or bybit",
        ),
        ("[venues.okx]\nkind = 'real'", 2, "venues.okx.kind", "ccxt, local, synthetic", "ccxt"),
        ("[venues.okx]\nmarket = 'cash'", 2, "venues.okx.market", "one of spot", "spot"),
        ("[venues.okx]\nrecv_window_ms = 0", 2, "venues.okx.recv_window_ms", "at least 1", "≥ 1"),
        (
            "[venues.okx]\nrecv_window_ms = 60001",
            2,
            "venues.okx.recv_window_ms",
            "at most 60000",
            "",
        ),
        ("[venues.okx]\nweight_share = 0", 2, "venues.okx.weight_share", "above 0", "> 0"),
        ("[venues.okx]\naccount = 'a/b'", 2, "venues.okx.account", "letters, digits", ""),
        ("[venues.okx]\naddress = 'here'", 2, "venues.okx.address", "HOST:PORT", ""),
        ("[live]\nenabled = 1", 2, "live.enabled", "expected true or false", "true or false"),
        ("[live]\nenabled = 'yes'", 2, "live.enabled", "expected true or false", "true or false"),
        ("[paper]\ncash = 'lots'", 2, "paper.cash", "10000 USDT, 0.1 BTC", ""),
        ("[paper]\ncash = -5", 2, "paper.cash", "must not be negative", ""),
        ("[paper]\nspeed = 0", 2, "paper.speed", "above 0, or max", ""),
        ("[paper]\nleverage = 0.5", 2, "paper.leverage", "at least 1, got 0.5", "≥ 1"),
        ("[paper]\nmaker_bps = nan", 2, "paper.maker_bps", "expected decimal number", ""),
        ("[paper]\nmaker_bps = inf", 2, "paper.maker_bps", "expected decimal number", ""),
        ("[risk.sizing]\nfraction = 2", 2, "risk.sizing.fraction", "at most 1", "≤ 1"),
        ("[risk]\nsizing.fracton = 0.1", 2, "risk.sizing.fracton", "no such key", "fraction?"),
        ("risk = 3", 1, "risk", "this is a section", "[risk]"),
        ("[venues]\nx = 3", 2, "venues.x", "this is a section", "[venues.x]"),
        ("[store]\nurl = 'data.db'", 2, "store.url", "expected a database URL", ""),
        ("[store]\ndurability = 'disk'", 2, "store.durability", "process, power", ""),
        ("[tui]\ntheme = 'x'", 2, "tui.theme", "forge-dark", ""),
        ("[logging]\nlevel = 'x'", 2, "logging.level", "no such key", "no keys yet"),
        ("[strategies.x]\na.b = 3", 2, "strategies.x.a", "expected text, a number", ""),
        ("[env.production.risk]\nx = 1", 2, "env.production.risk.x", "no such key", "known here"),
        ("[env]\nproduction = 1", 2, "env.production", "this is a section", "[env.production"),
        ("env = 1", 1, "env", "this is a section", "[env.production"),
        ('[instruments."A/B"]\nprice_step = 0', 2, 'instruments."A/B".price_step', "above 0", ""),
    ],
)
def test_a_wrong_setting_is_named_with_its_line_and_what_is_right(
    tmp_path: Path, text: str, line: int, key: str, message: str, remedy: str
) -> None:
    problem = the_problem(tmp_path, text)
    assert (problem.path, problem.line, problem.key) == (tmp_path / "alphaforge.toml", line, key)
    assert message in problem.message
    assert remedy in problem.remedy


def test_two_routes_for_the_same_symbols_are_told(tmp_path: Path) -> None:
    problem = the_problem(tmp_path, "[routing]\n'A/B' = 'okx'\n'a-b' = 'kraken'")
    assert "A/B is routed both to okx and to kraken" in problem.message


def test_all_problems_of_all_layers_are_told_at_once(tmp_path: Path) -> None:
    text = "[engine]\nmoed = 1\nseed = 'x'\n\n[paper]\ncash = [\n  1,\n]\nleverage = 0\n"
    found = problems_of(tmp_path, text, ALPHAFORGE__RISK__MAX_OPEN_ORDERS="many")
    assert [(problem.line, problem.key) for problem in found] == [
        (2, "engine.moed"),
        (3, "engine.seed"),
        (6, "paper.cash"),
        (9, "paper.leverage"),
        (None, "risk.max_open_orders"),
    ]


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ("[engine]\nmode = paper\n", 2),
        ("[engine\n", 1),
        ("a = 1\na = 2\n", 2),
        ('[engine]\nmode = "paper\n', 2),
        ("[engine]\nseed = [1,\n", 3),
    ],
)
def test_a_file_that_is_not_toml_is_named_with_its_line(
    tmp_path: Path, text: str, line: int
) -> None:
    problem = the_problem(tmp_path, text)
    assert "not TOML" in problem.message
    assert problem.line == line


def test_a_byte_order_mark_and_dos_line_ends_are_no_problem(tmp_path: Path) -> None:
    file = tmp_path / "alphaforge.toml"
    file.write_bytes(b"\xef\xbb\xbf[engine]\r\nseed = 4\r\n")
    configuration = load_configuration(file=file, environ={"HOME": str(tmp_path)})
    assert configuration.settings.engine.seed == 4
    assert configuration.origin("engine.seed").line == 2


def test_a_file_that_is_not_text_is_refused(tmp_path: Path) -> None:
    file = tmp_path / "alphaforge.toml"
    file.write_bytes(b"\xff\xfe\x00")
    with pytest.raises(ConfigError, match="cannot be read"):
        load_configuration(file=file, environ={"HOME": str(tmp_path)})


@pytest.mark.parametrize(
    "text",
    [
        '[venues.practice]\napi_key = "hunter2"',
        '[venues.practice]\nsecret = "hunter2"',
        '[live]\npassword = "hunter2"',
        '[strategies.x]\nbearer_token = "hunter2"',
        '[env.production.live]\nprivate_key = "hunter2"',
        '[store]\nurl = "postgresql://me:hunter2@host/db"',
        "[live]\napi_secret = hunter2",
    ],
)
def test_a_secret_in_the_file_is_refused_with_its_line_and_never_repeated(
    tmp_path: Path, text: str
) -> None:
    problem = the_problem(tmp_path, text)
    assert problem.line == 2
    assert "hunter2" not in str(problem) + problem.remedy
    assert getattr(problem, "shows_line", True) is False


@pytest.mark.parametrize(
    ("variable", "remedy"),
    [
        ("ALPHAFORGE__PAPER__CAHS", "ALPHAFORGE__PAPER__CASH"),
        ("ALPHAFORGE__PAPER", "ALPHAFORGE__"),
        ("ALPHAFORGE__X__Y__Z", ""),
    ],
)
def test_an_unknown_variable_names_the_nearest(tmp_path: Path, variable: str, remedy: str) -> None:
    problem = the_problem(tmp_path, "", **{variable: "1"})
    assert variable in problem.message
    assert remedy in problem.remedy


def test_a_wrong_variable_is_named(tmp_path: Path) -> None:
    problem = the_problem(tmp_path, "", ALPHAFORGE__LIVE__ENABLED="perhaps")
    assert "ALPHAFORGE__LIVE__ENABLED" in problem.message
    assert problem.key == "live.enabled"


_NAMES = st.sampled_from(
    sorted({part for key in all_keys() for part in key.name.split(".")} | {"", "a/b", "api_key"})
)
_TOML = st.recursive(
    st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(_NAMES, inner, max_size=3),
    max_leaves=8,
)


@given(st.dictionaries(_NAMES, _TOML, max_size=4))
def test_no_content_breaks_the_check(content: dict[str, object]) -> None:
    values, problems = check_table(content)
    assert all(problem.message for problem in problems)
    assert not values.keys() & {problem.path for problem in problems}
