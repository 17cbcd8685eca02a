"""The door: exit codes, the shape of errors, options in any place, and what `--help` costs."""

import os
import pty
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from alphaforge import __version__
from alphaforge.cli import commands, main
from alphaforge.cli.commands import COMMANDS, load_command
from alphaforge.cli.failures import show_failure
from alphaforge.errors import (
    AlphaForgeError,
    ConfigError,
    CredentialsError,
    DataError,
    DifferenceError,
    NoEngineError,
    NotFoundError,
    PartlyDoneError,
    RiskRefusedError,
    VenueError,
)

REPOSITORY = Path(__file__).resolve().parents[2]


def raising(monkeypatch: pytest.MonkeyPatch, error: BaseException) -> None:
    """Make `alphaforge explain` fail with an error."""

    def explain() -> None:
        raise error

    monkeypatch.setattr("alphaforge.cli.explain.explain", explain)


def start(*arguments: str, **more: object) -> "subprocess.Popen[str]":
    environ = {**os.environ, "PYTHONPATH": str(REPOSITORY), **more.pop("environ", {})}
    return subprocess.Popen(
        [sys.executable, "-m", "alphaforge", *arguments],
        env=environ,
        stdin=more.pop("stdin", subprocess.DEVNULL),
        stdout=more.pop("stdout", subprocess.PIPE),
        stderr=subprocess.PIPE,
        text=True,
        **more,
    )


def test_help_lists_every_command_with_its_line(run) -> None:
    ended = run("--help")
    assert ended.code == 0
    for name, entry in COMMANDS.items():
        assert name in ended.out
        assert entry.help in ended.out


@pytest.mark.parametrize("name", COMMANDS)
def test_every_command_of_the_table_exists_and_has_help(run, name: str) -> None:
    load_command(name)
    ended = run(name, "-h")
    assert (ended.code, ended.err) == (0, "")
    assert f"alphaforge {name}" in ended.out
    assert "--json" in ended.out


def test_the_version_is_the_packages(run) -> None:
    assert run("--version") == (0, f"alphaforge {__version__}\n", "")


def test_without_arguments_elsewhere_help_and_exit_2(run) -> None:
    ended = run()
    assert ended.code == 2
    assert "Usage: alphaforge" in ended.out


def test_without_arguments_on_a_terminal_three_lines_say_what_to_type() -> None:
    reader, writer = pty.openpty()
    process = start(stdin=writer, stdout=writer)
    os.close(writer)
    assert process.wait(timeout=30) == 0
    lines = os.read(reader, 10_000).decode().strip().splitlines()
    os.close(reader)
    process.stderr.close()
    assert len(lines) == 3
    assert "alphaforge strategy new" in lines[1]


@pytest.mark.parametrize(
    ("arguments", "message", "fix"),
    [
        (["confg"], "there is no command confg", "did you mean config?"),
        (["zzz"], "there is no command zzz", "type: alphaforge --help"),
        (["config", "shw"], "'show'", "type: alphaforge config --help"),
        (["config", "show", "--orign"], "--origin", "type: alphaforge config show --help"),
        (["--color", "blue", "explain"], "auto", "type: alphaforge --help"),
        (["strategy", "check"], "Missing argument", "type: alphaforge strategy check --help"),
    ],
)
def test_a_wrong_command_line_is_exit_2_and_says_what_to_type(
    run, arguments: list[str], message: str, fix: str
) -> None:
    ended = run(*arguments)
    assert (ended.code, ended.out) == (2, "")
    assert ended.err.startswith("× AF-U000  ")
    assert message in ended.err
    assert fix in ended.err


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (ConfigError("x"), 3),
        (CredentialsError("x"), 4),
        (VenueError("x"), 5),
        (RiskRefusedError("x"), 6),
        (NotFoundError("x"), 7),
        (NoEngineError("x"), 8),
        (PartlyDoneError("x"), 9),
        (DifferenceError("x"), 10),
        (DataError("x"), 1),
        (KeyboardInterrupt(), 130),
        (RuntimeError("x"), 1),
    ],
)
def test_every_error_has_its_exit_code(
    run, monkeypatch: pytest.MonkeyPatch, error: BaseException, code: int
) -> None:
    raising(monkeypatch, error)
    assert run("explain").code == code


def test_a_fault_of_ours_says_so_and_shows_its_trace_only_with_v(
    run, monkeypatch: pytest.MonkeyPatch
) -> None:
    raising(monkeypatch, RuntimeError("broken"))
    plain, verbose = run("explain"), run("explain", "-v")
    assert "AF-I000  RuntimeError: broken" in plain.err
    assert "-v" in plain.err
    assert "Traceback" not in plain.err
    assert "Traceback" in verbose.err


def test_an_error_with_v_shows_its_trace(run, monkeypatch: pytest.MonkeyPatch) -> None:
    raising(monkeypatch, NotFoundError("no such thing", remedy="look elsewhere"))
    assert run("explain").err == "× AF-N000  no such thing\n  fix    look elsewhere\n"
    assert "Traceback" in run("-v", "explain").err


@pytest.mark.parametrize("arguments", [["--json", "explain"], ["explain", "--json"]])
def test_with_json_an_error_is_one_object_on_stderr(
    run, monkeypatch: pytest.MonkeyPatch, arguments: list[str]
) -> None:
    raising(monkeypatch, DataError("bad", path="a.csv", line=3, column="price", expected="x"))
    ended = run(*arguments)
    assert ended.out == ""
    assert ended.error == {
        "code": "AF-D000",
        "message": "bad",
        "exit_code": 1,
        "path": "a.csv",
        "line": 3,
        "column": "price",
        "key": None,
        "expected": "x",
        "fix": None,
        "problems": [
            {
                "code": "AF-D000",
                "message": "bad",
                "exit_code": 1,
                "path": "a.csv",
                "line": 3,
                "column": "price",
                "key": None,
                "expected": "x",
                "fix": None,
            }
        ],
    }


def test_a_wrong_command_line_with_json_is_json_too(run) -> None:
    assert run("config", "show", "--json", "--orign").error["exit_code"] == 2


def test_an_error_shows_where_and_what_was_expected(folder: Path, capsys) -> None:
    show_failure(
        DataError("no number", path=folder / "a.csv", line=3, column="price", expected="a decimal")
    )
    assert capsys.readouterr().err.splitlines() == [
        "× AF-D000  column price: no number; expected a decimal",
        "  where  a.csv:3",
    ]


def test_global_options_stand_before_or_after_the_command(run, folder: Path) -> None:
    (folder / "mine.toml").write_text("[engine]\nseed = 5\n[env.staging.engine]\nseed = 6\n")
    before = run("--config", "mine.toml", "--profile", "staging", "--json", "config", "show")
    after = run("config", "show", "--json", "--profile=staging", "--config=mine.toml")
    assert before.out == after.out
    assert before.json["settings"]["engine"]["seed"] == 6


def test_a_command_may_keep_an_option_of_that_name_for_itself(
    monkeypatch: pytest.MonkeyPatch, run
) -> None:
    def explain(profile: str = "own") -> None:
        print(profile)

    monkeypatch.setattr("alphaforge.cli.explain.explain", explain)
    assert run("explain", "--profile", "x", "--json").out == "x\n"


@pytest.mark.parametrize(
    ("arguments", "environ", "coloured"),
    [
        ([], {}, False),
        (["--color", "always"], {}, True),
        (["--color=always"], {"NO_COLOR": "1"}, True),
        ([], {"FORCE_COLOR": "1"}, True),
        ([], {"FORCE_COLOR": "1", "NO_COLOR": "1"}, False),
        (["--color", "never"], {"FORCE_COLOR": "1"}, False),
    ],
)
def test_colour_is_on_when_asked_for(
    run, monkeypatch: pytest.MonkeyPatch, arguments, environ, coloured: bool
) -> None:
    for name in ("FORCE_COLOR", "NO_COLOR"):  # what a call says to its children ends with the test
        monkeypatch.setenv(name, "")
        monkeypatch.delenv(name)
    for name, value in environ.items():
        monkeypatch.setenv(name, value)
    ended = run("nonsense", *arguments) if not arguments else run(*arguments, "nonsense")
    assert ("\x1b[" in ended.err) is coloured


def test_the_reader_of_a_pipe_may_go_away_in_silence(tmp_path: Path) -> None:
    process = start("config", "schema", cwd=tmp_path)
    process.stdout.close()
    assert process.wait(timeout=30) == 0
    assert process.stderr.read() == ""
    process.stderr.close()


def test_ctrl_c_ends_with_130(tmp_path: Path) -> None:
    waiting = tmp_path / "bot.py"
    waiting.write_text("import sys\n\nprint('at work', flush=True)\nsys.stdin.read()\n")
    process = start("strategy", "check", str(waiting), cwd=tmp_path, stdin=subprocess.PIPE)
    assert process.stderr.readline() == "at work\n"
    process.send_signal(signal.SIGINT)
    _out, err = process.communicate(timeout=30)
    assert (process.returncode, err) == (130, "interrupted\n")


@pytest.mark.parametrize(
    ("words", "expected"), [("alphaforge con", "config"), ("alphaforge config s", "show\nschema")]
)
def test_the_shell_completes_commands(words: str, expected: str) -> None:
    environ = {
        "_ALPHAFORGE_COMPLETE": "complete_bash",
        "COMP_WORDS": words,
        "COMP_CWORD": str(len(words.split()) - 1),
    }
    out, err = start(environ=environ).communicate(timeout=30)
    assert (out.strip(), err) == (expected, "")


def test_the_table_names_modules_of_the_command_line_only() -> None:
    for entry in commands.COMMANDS.values():
        assert entry.target.startswith("alphaforge.cli.")
        assert entry.help.endswith(".")


def modules_loaded(*command: str) -> int:
    """How many modules a Python process imports; what that costs is `help_ratio` in benchmarks."""
    timed = [sys.executable, "-X", "importtime", *command]
    ended = subprocess.run(timed, check=True, capture_output=True, text=True, cwd=REPOSITORY)
    return ended.stderr.count("import time:")


@pytest.mark.slow
def test_help_loads_hardly_more_than_a_bare_typer_app(tmp_path: Path) -> None:
    bare = tmp_path / "bare.py"
    bare.write_text(
        "import typer\napp = typer.Typer()\n\n\n@app.command()\n"
        "def hello(name: str = 'x') -> None:\n    'Say hello.'\n\n\napp()\n"
    )
    ours = modules_loaded("-m", "alphaforge", "--help")
    assert ours <= 1.15 * modules_loaded(str(bare), "--help")


def test_main_never_raises_what_ends_the_process(run) -> None:
    assert isinstance(main.main(["--version"]), int)
    assert issubclass(ConfigError, AlphaForgeError)
