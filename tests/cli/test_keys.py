"""`alphaforge keys`: typed unseen or piped in, listed by four characters, never shown."""

import io
import json
import os
import pty
import select
import subprocess
import sys
from pathlib import Path

import pytest

REPOSITORY = Path(__file__).resolve().parents[2]
KEY = "AK-0123456789-wxyz"
SECRET = "hunter2-hunter2"
PAIR = f"{KEY}\n{SECRET}\n"


@pytest.fixture(autouse=True)
def no_keyring(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("alphaforge.services.secrets.open_keyring", lambda: None)


@pytest.fixture
def pipe(run, monkeypatch: pytest.MonkeyPatch):
    """`pipe(text, *arguments)`: the command with a text on its standard input."""

    def run_with(text: str, *arguments: str):
        monkeypatch.setattr(sys, "stdin", io.StringIO(text))
        return run(*arguments)

    return run_with


@pytest.fixture
def file(folder: Path) -> Path:
    return folder.parent / "home" / "alphaforge" / "secrets.toml"


@pytest.mark.parametrize(
    "text",
    [
        PAIR,
        f"{KEY}\r\n{SECRET}\r\n",
        f"\n  {KEY}  \n\n{SECRET}",
        json.dumps({"api_key": KEY, "secret": SECRET}),
        json.dumps({"apiKey": KEY, "secret": SECRET}, indent=2),
    ],
)
def test_a_piped_key_is_kept_and_never_repeated(pipe, file: Path, text: str) -> None:
    ended = pipe(text, "keys", "set", "binance")
    assert (ended.code, ended.out) == (0, "")
    assert "…wxyz" in ended.err
    assert "alphaforge keys test binance" in ended.err
    assert SECRET not in ended.err
    assert KEY not in ended.err
    assert file.stat().st_mode & 0o777 == 0o600
    assert SECRET in file.read_text()


def test_set_list_and_rm_speak_json(pipe, run, file: Path) -> None:
    kept = pipe(PAIR, "keys", "set", "binance", "--account", "sub", "--json")
    assert kept.json == {
        "schema": 1,
        "venue": "binance",
        "account": "sub",
        "where": f"file {file}",
        "key": "…wxyz",
    }
    listed = run("keys", "list", "--json").json
    assert listed["keys"] == [
        {"venue": "binance", "account": "sub", "where": "file", "key": "…wxyz", "used": True}
    ]
    gone = pipe("", "keys", "rm", "binance", "--account", "sub", "--json")
    assert gone.json["removed_from"] == ["file"]
    assert run("keys", "list", "--json").json["keys"] == []


def test_a_list_without_keys_says_how_to_set_one(run) -> None:
    ended = run("keys", "list")
    assert (ended.code, ended.out) == (0, "")
    assert "alphaforge keys set" in ended.err


def test_a_key_in_the_environment_is_listed_and_used_before_the_file(
    pipe, run, monkeypatch: pytest.MonkeyPatch
) -> None:
    pipe(PAIR, "keys", "set", "kraken")
    monkeypatch.setenv("ALPHAFORGE_KEY__KRAKEN__API_KEY", "AK-environment-1234")
    monkeypatch.setenv("ALPHAFORGE_KEY__KRAKEN__SECRET", SECRET)
    lines = [line.split("\t") for line in run("keys", "list").out.splitlines()]
    assert lines == [
        ["kraken", "main", "environment", "…1234", "yes"],
        ["kraken", "main", "file", "…wxyz", "no"],
    ]


def test_the_account_is_the_one_of_the_settings(pipe, run, folder: Path) -> None:
    (folder / "alphaforge.toml").write_text(
        '[venues.test]\nexchange = "binance"\naccount = "desk"\n'
    )
    assert pipe(PAIR, "keys", "set", "test", "--json").json["account"] == "desk"
    assert pipe("", "keys", "rm", "test", "--json").json["account"] == "desk"


@pytest.mark.parametrize(
    ("text", "arguments", "code", "message", "fix"),
    [
        (PAIR, ["binanse"], 7, "no venue binanse", "did you mean binance?"),
        (PAIR, ["synthetic"], 2, "synthetic market", "exchange list"),
        (PAIR, ["binance", "--file", "--keyring"], 2, "one place", "--file or --keyring"),
        (PAIR, ["binance", "--keyring"], 4, "no system keyring", "--file"),
        (PAIR, ["binance", "--account", "a/b"], 2, "no name of an account", "letters"),
        (PAIR, ["binance", SECRET], 2, "unexpected extra argument", "keys set --help"),
        ("", ["binance"], 4, "holds no key", "pipe in"),
        (
            KEY,
            ["binance"],
            4,
            "a key of Binance is 2 lines, standard input has 1",
            "API key, secret",
        ),
        (PAIR, ["okx"], 4, "a key of OKX is 3 lines, standard input has 2", "passphrase"),
        (f'{{"api_key": "{KEY}"}}', ["binance"], 4, "the secret is missing", "both"),
        (
            json.dumps({"api_key": KEY, "secret": SECRET}),
            ["okx"],
            4,
            "a key of OKX has a passphrase too",
            '"password"',
        ),
        (f'{{"api_key": "{KEY}", "secert": "{SECRET}"}}', ["binance"], 4, "'secert'", "name"),
        (f'{{"api_key": {SECRET}', ["binance"], 4, "no JSON object", "pipe in"),
        (f"{KEY}\n{SECRET}\x07\n", ["binance"], 4, "a character that no key has", "again"),
    ],
)
def test_what_is_wrong_is_told_and_nothing_is_kept(
    pipe, file: Path, text: str, arguments: list[str], code: int, message: str, fix: str
) -> None:
    ended = pipe(text, "keys", "set", *arguments)
    assert (ended.code, ended.out) == (code, "")
    assert message in ended.err
    assert fix in ended.err
    assert KEY not in ended.err
    assert not file.exists()


def test_a_secrets_file_that_others_can_read_is_exit_4(pipe, run, file: Path) -> None:
    pipe(PAIR, "keys", "set", "binance")
    file.chmod(0o644)
    ended = run("keys", "list")
    assert ended.code == 4
    assert "0644" in ended.err
    assert f"chmod 600 {file}" in ended.err


def test_removing_what_is_not_there_is_exit_7(pipe) -> None:
    ended = pipe("", "keys", "rm", "binance")
    assert ended.code == 7
    assert "keys list" in ended.err


def test_testing_without_a_key_is_exit_4_and_says_what_to_type(run) -> None:
    ended = run("keys", "test", "binance")
    assert ended.code == 4
    assert "alphaforge keys set binance" in ended.err
    assert "ALPHAFORGE_KEY__BINANCE__API_KEY" in ended.err


def test_testing_on_a_venue_without_a_test_network_says_so_at_once(run) -> None:
    ended = run("keys", "test", "kraken")
    assert ended.code == 2
    assert "kraken has no test network" in ended.err
    assert "binance" in ended.err


def typed(arguments: list[str], answers: list[str], environ: dict[str, str]) -> tuple[int, str]:
    """Exit code and everything the terminal showed, of a command answered line by line."""
    reader, writer = pty.openpty()
    process = subprocess.Popen(
        [sys.executable, "-m", "alphaforge", *arguments],
        stdin=writer,
        stdout=writer,
        stderr=writer,
        env={**os.environ, "PYTHONPATH": str(REPOSITORY), **environ},
        start_new_session=True,
    )
    os.close(writer)
    shown = ""
    waiting = [*answers]
    while select.select([reader], [], [], 30)[0]:
        try:
            shown += os.read(reader, 4096).decode()
        except OSError:
            break
        if waiting and shown.endswith(": "):
            os.write(reader, f"{waiting.pop(0)}\n".encode())
            shown += "*"
    os.close(reader)
    return process.wait(timeout=30), shown


@pytest.mark.slow
def test_a_typed_key_is_never_seen_on_the_terminal(folder: Path, file: Path) -> None:
    code, shown = typed(
        ["keys", "set", "binance", "--file"],
        [KEY, SECRET],
        {"XDG_CONFIG_HOME": str(folder.parent / "home")},
    )
    assert code == 0, shown
    assert "Binance API key:" in shown
    assert "Binance secret:" in shown
    assert KEY not in shown
    assert SECRET not in shown
    assert SECRET in file.read_text()


@pytest.mark.parametrize("verb", ["set", "test"])
def test_an_exchange_that_begins_with_a_run_needs_no_key_and_says_so(pipe, run, verb: str) -> None:
    ended = pipe(PAIR, "keys", "set", "local") if verb == "set" else run("keys", "test", "local")
    assert (ended.code, "needs no key" in ended.err) == (2, True)
    assert not run("keys", "list").out
