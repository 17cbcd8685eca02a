"""What reaches stdout and stderr: JSON that keeps money exact, tables, progress."""

import io
import json
from decimal import Decimal
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from alphaforge.cli.printing import cell, counted, print_json, print_table
from alphaforge.cli.progress import LineMeter, progress
from alphaforge.model.enums import OrderSide
from alphaforge.store.export import iso_time


def test_json_keeps_money_as_text_and_what_is_undefined_as_null(capsys) -> None:
    print_json(
        {
            "price": Decimal("1E+2"),
            "nothing": Decimal("NaN"),
            "ratio": 0.5,
            "undefined": float("nan"),
            "side": OrderSide.BUY,
            "path": Path("a"),
            "rows": ({"fee": Decimal("0.10")}, None, True, 3),
        },
        schema=2,
    )
    assert json.loads(capsys.readouterr().out) == {
        "schema": 2,
        "price": "100",
        "nothing": None,
        "ratio": 0.5,
        "undefined": None,
        "side": "BUY",
        "path": "a",
        "rows": [{"fee": "0.1"}, None, True, 3],
    }


def test_times_have_nine_decimals_and_a_z() -> None:
    assert iso_time(1_723_075_200_000_000_001) == "2024-08-08T00:00:00.000000001Z"
    assert iso_time(-1) == "1969-12-31T23:59:59.999999999Z"


@pytest.mark.parametrize(
    ("value", "text"),
    [(None, ""), (Decimal("NaN"), ""), (Decimal("0.10"), "0.1"), (False, "false"), (3, "3")],
)
def test_a_cell_is_plain_text(value: object, text: str) -> None:
    assert cell(value) == text


def test_a_table_off_a_terminal_is_tabs_without_a_header(capsys) -> None:
    print_table(("name", "value"), [("a\tb", Decimal("1.50")), ("c\nd", None)])
    assert capsys.readouterr().out == "a b\t1.5\nc d\t\n"


def test_a_table_on_a_terminal_has_a_header_and_shows_markup_as_written(
    capsys, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("sys.stdout.isatty", lambda: True)
    monkeypatch.setenv("NO_COLOR", "1")
    print_table(("name", "value"), [("[red]x", Decimal(15))], right=("value",))
    header, row = capsys.readouterr().out.splitlines()
    assert header.split() == ["name", "value"]
    assert row.split() == ["[red]x", "15"]


@given(st.integers(1, 5000), st.lists(st.integers(0, 6000), max_size=50))
def test_progress_is_at_most_one_rising_line_per_tenth(total: int, steps: list[int]) -> None:
    stream = io.StringIO()
    meter = LineMeter("reading", total, stream)
    for done in sorted(steps):
        meter.reached(done)
    assert "100 %" not in stream.getvalue()
    meter.end()
    lines = stream.getvalue().splitlines()
    percents = [int(line.split()[1]) for line in lines]
    assert percents == sorted(set(percents))
    assert all(percent % 10 == 0 and 10 <= percent <= 100 for percent in percents)
    assert percents[-1] == 100


def test_progress_of_all_steps_is_ten_lines_off_a_terminal(capsys) -> None:
    with progress("reading", 1000) as meter:
        for done in range(1001):
            meter.reached(done)
    assert capsys.readouterr().err.splitlines() == [f"reading {n} %" for n in range(10, 101, 10)]


def test_work_that_fails_is_never_said_to_be_all_done(capsys) -> None:
    def fail() -> None:
        with progress("reading", 10) as meter:
            meter.reached(10)
            raise ValueError("broken")

    with pytest.raises(ValueError, match="broken"):
        fail()
    assert capsys.readouterr().err == "reading 90 %\n"


def test_one_thing_is_not_said_to_be_several() -> None:
    assert [counted(n, "fill") for n in (0, 1, 1234)] == ["0 fills", "1 fill", "1,234 fills"]


def test_progress_on_a_terminal_is_a_bar(capsys, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.stderr.isatty", lambda: True)
    monkeypatch.setenv("FORCE_COLOR", "1")
    with progress("reading", 10) as meter:
        for done in (1, 5, 10, 12):
            meter.reached(done)
    assert "reading" in capsys.readouterr().err
