"""Which setting wins, where it came from, and what the merged settings mean."""

from decimal import Decimal
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from alphaforge.errors import ConfigError, NotFoundError, UsageError
from alphaforge.model.enums import FillTiming, RiskState
from alphaforge.services.config import Configuration, load_configuration
from alphaforge.services.config_origin import Source
from alphaforge.services.config_sections import Settings


@pytest.fixture
def project(tmp_path: Path) -> Path:
    folder = tmp_path / "project"
    folder.mkdir()
    return folder


def load(project: Path, text: str = "", **more: object) -> Configuration:
    if text:
        (project / "alphaforge.toml").write_text(text, encoding="utf-8")
    environ = {"XDG_CONFIG_HOME": str(project.parent / "home"), **more.pop("environ", {})}
    return load_configuration(directory=project, environ=environ, **more)


def write_user_file(project: Path, text: str) -> Path:
    path = project.parent / "home" / "alphaforge" / "config.toml"
    path.parent.mkdir(parents=True)
    path.write_text(text, encoding="utf-8")
    return path


def test_without_any_file_every_setting_has_its_default(project: Path) -> None:
    configuration = load(project)
    assert configuration.settings == Settings()
    assert configuration.files == ()
    assert configuration.origin("paper.cash").source is Source.DEFAULT


def test_each_layer_beats_the_one_below(project: Path) -> None:
    write_user_file(project, "[paper]\ncash = 1\nleverage = 1\nmaker_bps = 1\ntaker_bps = 1\n")
    text = (
        "[paper]\nleverage = 2\nmaker_bps = 2\ntaker_bps = 2\nslippage_bps = 2\n"
        "[env.production.paper]\nmaker_bps = 3\ntaker_bps = 3\nslippage_bps = 3\n"
    )
    configuration = load(
        project,
        text,
        environ={
            "ALPHAFORGE_ENV": "production",
            "ALPHAFORGE__PAPER__TAKER_BPS": "4",
            "ALPHAFORGE__PAPER__SLIPPAGE_BPS": "4",
        },
        overrides={"paper.slippage_bps": "5"},
    )
    paper = configuration.settings.paper
    assert (paper.cash, paper.leverage, paper.maker_bps) == ("1", Decimal(2), Decimal(3))
    assert (paper.taker_bps, paper.slippage_bps, paper.latency_ms) == (4, 5, 0)
    sources = [
        configuration.origin(f"paper.{name}").source
        for name in ("latency_ms", "cash", "leverage", "maker_bps", "taker_bps", "slippage_bps")
    ]
    assert sources == list(Source)


def test_an_origin_names_file_and_line_or_the_variable_or_the_flag(project: Path) -> None:
    configuration = load(
        project,
        "# a comment\n\n[risk]\nmax_open_orders = 3\n"
        '[instruments."BTC/USDT"]\nprice_step = "0.1"\n',
        environ={"ALPHAFORGE__ENGINE__SEED": "7"},
        overrides={"backtest.cash": "5"},
    )
    origins = configuration.origins()
    file = project / "alphaforge.toml"
    assert origins["risk.max_open_orders"][1:3] == (file, 4)
    assert origins['instruments."BTC/USDT".price_step'][1:3] == (file, 6)
    assert str(origins["engine.seed"]) == "environment ALPHAFORGE__ENGINE__SEED"
    assert str(origins["backtest.cash"]) == "flag --cash"


def test_the_project_file_is_found_from_a_folder_below(project: Path) -> None:
    (project / "alphaforge.toml").write_text("[engine]\nseed = 9\n")
    below = project / "a" / "b"
    below.mkdir(parents=True)
    configuration = load_configuration(directory=below, environ={"HOME": str(project)})
    assert configuration.settings.engine.seed == 9
    assert configuration.directory == project


def test_a_named_file_replaces_the_project_file(project: Path) -> None:
    other = project / "other.toml"
    other.write_text("[engine]\nseed = 3\n")
    assert load(project, "[engine]\nseed = 2\n", file=other).settings.engine.seed == 3


def test_a_named_file_that_does_not_exist_is_not_found(project: Path) -> None:
    with pytest.raises(NotFoundError, match="nowhere"):
        load(project, file=project / "nowhere.toml")


def test_the_profile_flag_beats_the_variable(project: Path) -> None:
    text = "[env.production.engine]\nseed = 2\n[env.staging.engine]\nseed = 3\n"
    configuration = load(project, text, profile="staging", environ={"ALPHAFORGE_ENV": "production"})
    assert configuration.settings.engine.seed == 3
    assert str(configuration.origin("engine.seed")).startswith("profile staging ")


@pytest.mark.parametrize("profile", ["development", "staging", "production"])
def test_the_usual_profiles_exist_without_a_table(project: Path, profile: str) -> None:
    assert load(project, profile=profile).settings == Settings()


def test_an_unknown_profile_names_the_nearest(project: Path) -> None:
    with pytest.raises(ConfigError, match="prodution") as caught:
        load(project, profile="prodution")
    assert "production" in caught.value.remedy


def test_sizing_and_risk_state_reach_the_engine_settings(project: Path) -> None:
    text = '[risk]\nstate = "reducing"\n[risk.sizing]\nfraction = 0.1\n'
    risk = load(project, text).settings.risk
    assert (risk.state, risk.sizing.fraction) == (RiskState.REDUCING, Decimal("0.1"))


@pytest.mark.parametrize("written", ['"0.1"', "0.1", '" 0.10 "'])
def test_a_decimal_is_read_by_its_digits(project: Path, written: str) -> None:
    value = load(project, f"[paper]\nleverage = 2\nmaker_bps = {written}\n").settings.paper
    assert value.maker_bps == Decimal("0.1")


@given(st.decimals(0, 1000, places=4))
def test_a_decimal_survives_file_environment_and_flag_alike(value: Decimal) -> None:
    here = Path("/nonexistent")
    variable = load_configuration(
        directory=here, environ={"HOME": "/", "ALPHAFORGE__PAPER__TAKER_BPS": str(value)}
    )
    flag = load_configuration(
        directory=here, environ={"HOME": "/"}, overrides={"paper.taker_bps": str(value)}
    )
    assert variable.settings.paper.taker_bps == flag.settings.paper.taker_bps == value


def test_choices_ignore_case_and_become_enums(project: Path) -> None:
    settings = load(project, '[paper]\nfill = "CLOSE"\naccount = "Margin"\n').settings
    assert settings.paper.fill is FillTiming.CLOSE
    assert settings.paper.account == "margin"


def test_variables_find_the_users_names_ignoring_case(project: Path) -> None:
    configuration = load(
        project,
        "[strategies.My_Bot]\nfast = 1\n",
        environ={
            "ALPHAFORGE__STRATEGIES__MY_BOT__FAST": "2",
            "ALPHAFORGE__STRATEGIES__OTHER__SLOW": "3",
        },
    )
    assert configuration.settings.strategies == {"My_Bot": {"fast": "2"}, "other": {"slow": "3"}}


def test_a_variable_that_holds_a_secret_is_no_setting(project: Path) -> None:
    environ = {"ALPHAFORGE__VENUES__BINANCE__API_KEY": "hush"}
    assert load(project, environ=environ).settings == Settings()


def test_empty_named_tables_exist(project: Path) -> None:
    settings = load(project, '[venues.kraken]\n[instruments."A/B"]\n[strategies.x]\n').settings
    assert list(settings.venues) == ["kraken"]
    assert list(settings.instruments) == ["A/B"]
    assert settings.strategies == {"x": {}}


def test_a_file_in_the_wrong_place_for_a_store_is_beside_who_names_it(
    project: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(project.parent)
    beside = f"sqlite:///{project}/data/alphaforge.db"
    assert load(project, "[engine]\nseed = 1\n").store_url == beside
    text = '[store]\nurl = "sqlite:///mine.db"\n'
    assert load(project, text).store_url == f"sqlite:///{project}/mine.db"
    flagged = load(project, overrides={"store.url": "sqlite:///mine.db"})
    assert flagged.store_url == f"sqlite:///{project.parent}/mine.db"


@pytest.mark.parametrize(
    "url", ["sqlite:////tmp/a.db", "sqlite:///:memory:", "postgresql://host/db"]
)
def test_an_absolute_url_is_left_alone(project: Path, url: str) -> None:
    assert load(project, f'[store]\nurl = "{url}"\n').store_url == url


def test_a_password_from_the_environment_is_used_and_never_shown(project: Path) -> None:
    url = "postgresql://me:hunter2@host/db"
    configuration = load(project, environ={"ALPHAFORGE__STORE__URL": url})
    assert configuration.store_url == url
    assert "hunter2" not in configuration.masked_store_url
    assert "hunter2" not in str(configuration.values())


def test_a_wrong_flag_is_a_usage_error_that_names_the_flag(project: Path) -> None:
    with pytest.raises(UsageError, match="--taker-bps: expected decimal number"):
        load(project, overrides={"paper.taker_bps": "ten"})
