"""`alphaforge strategy`, as typed."""

from pathlib import Path

import pytest

BOT = '''\
from alphaforge import Strategy


class Bot(Strategy):
    """Does nothing, well.

    More words.
    """

    fast: int = 10
    """Bars."""
    size: str = "0.1"

    def on_bar(self, bar):
        pass
'''


@pytest.fixture
def bot(folder: Path) -> Path:
    path = folder / "bot.py"
    path.write_text(BOT)
    return path


def test_check_shows_parameters_and_values(run, bot: Path, folder: Path) -> None:
    (folder / "alphaforge.toml").write_text("[strategies.bot]\nsize = 0.5\n")
    ended = run("strategy", "check", "bot.py", "--set", "fast=3")
    assert ended.code == 0
    assert ended.out.splitlines() == [
        "fast\twhole number\t10\t3\tBars.",
        "size\ttext\t0.1\t0.5\t",
    ]
    assert ended.err == "Bot of bot.py is right\n"


def test_check_json_has_everything_about_the_file(run, bot: Path) -> None:
    shown = run("strategy", "check", "bot.py", "--json").json
    assert shown["schema"] == 1
    assert (shown["name"], shown["class"], shown["path"]) == ("bot", "Bot", str(bot))
    assert shown["doc"] == "Does nothing, well."
    assert shown["callbacks"] == ["on_bar"]
    assert shown["parameters"][0] == {
        "name": "fast",
        "type": "whole number",
        "default": 10,
        "value": 10,
        "doc": "Bars.",
    }
    assert shown["warnings"] == []


def test_check_warns_of_what_is_never_called(run, bot: Path) -> None:
    bot.write_text(BOT.replace("on_bar", "on_bra"))
    ended = run("strategy", "check", "bot.py")
    assert ended.code == 0
    assert "on_bra is no callback and is never called; did you mean on_bar?" in ended.err
    assert "has no callback" in ended.err


@pytest.mark.parametrize(
    ("text", "code", "lines"),
    [
        (
            "import nosuch\n",
            1,
            [
                "× AF-S000  ModuleNotFoundError: No module named 'nosuch', at `import nosuch`",
                "  where  bot.py:1",
                "         1 │ import nosuch",
            ],
        ),
        (
            "x = = 2\n",
            1,
            [
                "× AF-S000  SyntaxError: invalid syntax, at `x = = 2`",
                "  where  bot.py:1",
                "         1 │ x = = 2",
                "                 ^",
            ],
        ),
        (
            BOT.replace("def on_bar", "async def on_bar"),
            1,
            [
                "× AF-S000  the callback on_bar is async, and callbacks are not",
                "  where  bot.py:14",
                "         14 │     async def on_bar(self, bar):",
                "  fix    drop async",
            ],
        ),
    ],
)
def test_check_of_a_broken_file_shows_the_users_own_line(
    run, bot: Path, text: str, code: int, lines: list[str]
) -> None:
    bot.write_text(text)
    ended = run("strategy", "check", "bot.py")
    assert ended.code == code
    assert ended.err.splitlines()[: len(lines)] == lines


@pytest.mark.parametrize(
    ("arguments", "code", "text"),
    [
        (["bto.py"], 7, "did you mean bot.py?"),
        (["bot.py", "--set", "fsat=1"], 2, "did you mean fast?"),
        (["bot.py", "--set", "fast=x"], 2, 'expected whole number, got "x"'),
        (["bot.py", "--set", "fast"], 2, "--set fast=5"),
    ],
)
def test_check_of_a_wrong_request_says_what_to_type(
    run, bot: Path, arguments: list[str], code: int, text: str
) -> None:
    ended = run("strategy", "check", *arguments)
    assert ended.code == code
    assert text in ended.err


def test_list_shows_the_right_and_the_broken_ones(run, folder: Path, bot: Path) -> None:
    (folder / "strategies").mkdir()
    (folder / "strategies" / "bad.py").write_text("x = 1\n")
    bot.rename(folder / "strategies" / "bot.py")
    assert run("strategy", "list").out.splitlines() == [
        "bad\t\t\tthe file has no Strategy",
        "bot\tBot\tDoes nothing, well.\t",
    ]
    listed = run("strategy", "list", "strategies", "--json").json["strategies"]
    assert [row["name"] for row in listed] == ["bad", "bot"]
    assert listed[1]["error"] is None


def test_list_of_nothing_says_what_to_type(run, folder: Path) -> None:
    assert run("strategy", "list").code == 7
    (folder / "strategies").mkdir()
    ended = run("strategy", "list")
    assert (ended.code, ended.out) == (0, "")
    assert "strategy new" in ended.err


def test_new_writes_a_strategy_that_is_right(run, folder: Path) -> None:
    ended = run("strategy", "new", "my-bot")
    path = folder / "strategies" / "my_bot.py"
    assert (ended.code, ended.out) == (0, "strategies/my_bot.py\n")
    checked = run("strategy", "check", str(path), "--json").json
    assert (checked["class"], checked["warnings"]) == ("MyBot", [])
    assert checked["callbacks"] == ["on_start", "on_bar"]
    again = run("strategy", "new", "my_bot")
    assert again.code == 2
    assert "exists already" in again.err


@pytest.mark.parametrize("name", ["1st", "a b", "class", "../x", ""])
def test_new_refuses_what_is_no_name(run, folder: Path, name: str) -> None:
    assert run("strategy", "new", name).code == 2
    assert not (folder / "strategies").exists()
