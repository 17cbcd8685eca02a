"""`alphaforge explain` and `alphaforge completion`, as typed."""

import pytest

from alphaforge.cli.explain import error_kinds
from alphaforge.errors import AlphaForgeError


@pytest.mark.parametrize("kind", error_kinds(), ids=lambda kind: kind.__name__)
def test_every_code_is_explained_with_exit_code_and_remedy(run, kind) -> None:
    shown = run("explain", kind.default_code, "--json").json
    assert (shown["code"], shown["name"]) == (kind.default_code, kind.__name__)
    assert shown["exit_code"] == kind.exit_code
    assert shown["meaning"]
    assert shown["remedy"]


def test_codes_are_unique() -> None:
    codes = [kind.default_code for kind in error_kinds()]
    assert len(set(codes)) == len(codes)
    assert AlphaForgeError.default_code not in codes


@pytest.mark.parametrize(
    ("code", "name"),
    [("AF-C012", "ConfigError"), ("af-v312", "OutcomeUnknownError"), ("AF-V999", "VenueError")],
)
def test_a_narrower_code_is_explained_by_its_class(run, code: str, name: str) -> None:
    ended = run("explain", code)
    assert ended.code == 0
    assert ended.out.startswith(f"{code.upper()}  {name}, exit code ")


def test_an_unknown_code_is_not_found(run) -> None:
    ended = run("explain", "XY-1")
    assert ended.code == 7
    assert "alphaforge explain" in ended.err


def test_without_a_code_all_are_listed(run) -> None:
    assert len(run("explain").out.splitlines()) == len(error_kinds())
    assert len(run("explain", "--json").json["codes"]) == len(error_kinds())


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_the_script_of_a_shell_asks_alphaforge(run, shell: str) -> None:
    ended = run("completion", shell)
    assert ended.code == 0
    assert f"_ALPHAFORGE_COMPLETE=complete_{shell}" in ended.out
    assert shell in ended.err


def test_the_shell_is_taken_from_the_environment(run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SHELL", "/usr/bin/fish")
    assert "complete_fish" in run("completion").out
    monkeypatch.delenv("SHELL")
    assert run("completion").code == 2
    assert "no completion for tcsh" in run("completion", "tcsh").err
