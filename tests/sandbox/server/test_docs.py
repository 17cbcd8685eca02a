"""docs/sandbox.md: every kind of fault has an example, and every example is read."""

import re
import tomllib
from decimal import Decimal
from pathlib import Path

import pytest

from alphaforge.sandbox.fault_script import read_fault
from alphaforge.sandbox.fault_terms import FaultKind
from alphaforge.sandbox.serve import DIALECTS

PAGE = Path(__file__).resolve().parents[3] / "docs" / "sandbox.md"
BLOCKS = re.findall(r"```toml\n(.*?)```", PAGE.read_text(encoding="utf-8"), re.DOTALL)
EXAMPLES = [
    table for block in BLOCKS for table in tomllib.loads(block, parse_float=Decimal)["fault"]
]


@pytest.mark.parametrize(
    "table", EXAMPLES, ids=[f"{n}-{each['kind']}" for n, each in enumerate(EXAMPLES)]
)
def test_every_example_is_read(table) -> None:
    assert read_fault(table, DIALECTS).kind == table["kind"]


def test_every_kind_has_an_example() -> None:
    assert {table["kind"] for table in EXAMPLES} == set(FaultKind)
