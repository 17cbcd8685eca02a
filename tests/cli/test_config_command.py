"""`alphaforge config`, as typed."""

import json
from pathlib import Path

import pytest


def test_show_prints_every_key_and_value_and_with_origin_where_from(run, folder: Path) -> None:
    (folder / "alphaforge.toml").write_text('[paper]\ncash = "5 BTC"\n')
    plain, with_origin = run("config", "show"), run("config", "show", "--origin")
    assert 'paper.cash\t"5 BTC"' in plain.out.splitlines()
    assert 'paper.cash\t"5 BTC"\tproject file alphaforge.toml:2' in with_origin.out
    assert 'engine.mode\t"sandbox"\tdefault' in with_origin.out


def test_show_json_has_settings_and_origins(run, folder: Path) -> None:
    (folder / "alphaforge.toml").write_text("[strategies.x]\nfast = 5\n[risk]\nmax_order_value=1\n")
    shown = run("config", "show", "--json").json
    assert shown["schema"] == 1
    assert shown["settings"]["strategies"] == {"x": {"fast": 5}}
    assert shown["settings"]["risk"]["max_order_value"] == "1"
    assert shown["settings"]["risk"]["sizing"] == {"fraction": "0.05", "max_value": "0"}
    assert shown["origins"]["risk.max_order_value"]["line"] == 4
    assert shown["store_url"].endswith("/here/data/alphaforge.db")
    assert shown["profile"] is None


def test_show_never_shows_a_password(run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ALPHAFORGE__STORE__URL", "postgresql://me:hunter2@host/db")
    for arguments in (["config", "show", "--origin"], ["config", "show", "--json"]):
        ended = run(*arguments)
        assert "hunter2" not in ended.out
        assert "****" in ended.out


def test_check_of_a_right_file_is_exit_0_and_says_so_on_stderr(run, folder: Path) -> None:
    (folder / "mine.toml").write_text("[engine]\nseed = 3\n")
    ended = run("config", "check", "mine.toml")
    assert (ended.code, ended.out) == (0, "")
    assert "mine.toml" in ended.err
    assert run("config", "check", "mine.toml", "--json").json == {
        "schema": 1,
        "ok": True,
        "files": ["mine.toml"],
        "profile": None,
    }


def test_check_of_a_wrong_file_names_file_line_key_and_nearest_key(run, folder: Path) -> None:
    (folder / "mine.toml").write_text("[engine]\nmoed = 3\n\n[paper]\nleverage = 0\n")
    ended = run("config", "check", "mine.toml")
    assert ended.code == 3
    assert ended.err.splitlines() == [
        "× AF-C000  engine.moed: there is no such key",
        "  where  mine.toml:2",
        "         2 │ moed = 3",
        "  fix    did you mean engine.mode?",
        "× AF-C000  paper.leverage: must be at least 1, got 0",
        "  where  mine.toml:5",
        "         5 │ leverage = 0",
        "  fix    write: decimal number, ≥ 1, ≤ 1000",
        "2 settings are wrong; correct them and type: alphaforge config check",
    ]
    problems = run("config", "check", "mine.toml", "--json").error["problems"]
    assert [(problem["line"], problem["key"]) for problem in problems] == [
        (2, "engine.moed"),
        (5, "paper.leverage"),
    ]


def test_a_secret_is_refused_and_its_line_not_shown(run, folder: Path) -> None:
    (folder / "alphaforge.toml").write_text('[live]\napi_key = "hunter2"\n')
    for arguments in (["config", "check"], ["config", "check", "--json"], ["config", "show", "-v"]):
        ended = run(*arguments)
        assert ended.code == 3
        assert "hunter2" not in ended.out + ended.err
    assert "alphaforge.toml:2" in run("config", "check").err


def test_a_missing_file_is_exit_7(run) -> None:
    assert run("config", "check", "nowhere.toml").code == 7


def test_schema_is_a_json_schema_or_tables(run) -> None:
    schema = json.loads(run("config", "schema").out)
    assert schema["properties"]["engine"]["properties"]["mode"]["default"] == "sandbox"
    assert "| `mode` | one of paper" in run("config", "schema", "--format", "markdown").out
