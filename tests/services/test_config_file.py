"""The shipped alphaforge.toml, the JSON schema and docs/configuration.md agree with the structs."""

import re
import tomllib
from decimal import Decimal
from itertools import pairwise
from pathlib import Path

import msgspec
import pytest

from alphaforge.services.config import load_configuration
from alphaforge.services.config_keys import RANGES, Key, all_keys
from alphaforge.services.config_origin import TomlText
from alphaforge.services.config_schema import json_schema, markdown_tables
from alphaforge.services.config_sections import Settings, VenueSection
from alphaforge.services.values import plain_type

REPOSITORY = Path(__file__).resolve().parents[2]
SHIPPED = REPOSITORY / "alphaforge.toml"
EXAMPLES = {"venues.*": "venues.practice", "instruments.*": 'instruments."BTC/USDT"'}


def shipped_settings() -> Settings:
    return load_configuration(file=SHIPPED, environ={"HOME": "/nonexistent"}).settings


def with_examples() -> str:
    """The shipped file with the # taken off its example tables and keys."""
    example = re.compile(r'^# ((\[[\w."/]+\])|(["\w./]+ = \S+))', re.MULTILINE)
    return example.sub(r"\1", SHIPPED.read_text(encoding="utf-8"))


def test_the_shipped_file_says_the_defaults_and_the_sample_strategy() -> None:
    settings = shipped_settings()
    sample = {"sma_cross": {"timeframe": "1s", "fast": 5, "slow": 20}}
    assert settings.strategies == sample
    assert settings.venues == {"local": VenueSection(kind="local")}
    assert msgspec.structs.replace(settings, strategies={}, venues={}) == Settings()


def test_the_shipped_file_holds_every_key_and_every_section() -> None:
    content = tomllib.loads(with_examples())
    assert content.keys() == {*Settings.__struct_fields__, "env"}
    for key in all_keys():
        tables: list[object] = [content]
        for part in key.name.split("."):
            assert all(isinstance(table, dict) for table in tables), key.name
            tables = [
                value for table in tables for name, value in table.items() if part in {"*", name}
            ]
        assert tables, key.name


def test_the_examples_in_the_shipped_file_are_right(tmp_path: Path) -> None:
    file = tmp_path / "alphaforge.toml"
    file.write_text(with_examples(), encoding="utf-8")
    configuration = load_configuration(file=file, profile="production", environ={"HOME": "/none"})
    assert configuration.settings.instruments["BTC/USDT"].price_step == Decimal("0.01")
    assert configuration.settings.risk.max_order_value == 10_000


def test_every_key_of_the_shipped_file_stands_under_a_comment() -> None:
    lines = SHIPPED.read_text(encoding="utf-8").splitlines()
    bare = [
        line
        for above, line in pairwise(lines)
        if re.match(r"\w+ = ", line) and not above.startswith("#")
    ]
    assert bare == ['timeframe = "1s"', "fast = 5", "slow = 20"]


@pytest.mark.parametrize("key", all_keys(), ids=lambda key: key.name)
def test_every_key_has_a_meaning_and_every_number_a_range(key: Key) -> None:
    assert key.meaning
    if "number" in key.type_text and plain_type(key.annotation) in {int, float, Decimal}:
        assert str(key.bounds)


def test_every_range_belongs_to_a_key() -> None:
    assert not RANGES.keys() - {key.name for key in all_keys()}


def test_the_documentation_holds_the_tables_of_the_program() -> None:
    text = (REPOSITORY / "docs" / "configuration.md").read_text(encoding="utf-8")
    assert text.partition("<!-- keys -->\n")[2].strip() == markdown_tables().strip(), (
        "write it again: alphaforge config schema --format markdown"
    )


def test_the_json_schema_knows_every_key_and_refuses_others() -> None:
    schema = json_schema()
    for key in all_keys():
        node = schema
        for part in key.name.split("."):
            assert node["type"] == "object"
            if part == "*":
                node = node["additionalProperties"]
            else:
                assert node["additionalProperties"] is False or part in node["properties"]
                node = node["properties"][part]
        assert node["description"] == key.meaning
    assert schema["additionalProperties"] is False
    assert schema["properties"]["env"]["additionalProperties"]["properties"].keys() == set(
        Settings.__struct_fields__
    )


def test_lines_are_found_in_every_way_to_write_toml() -> None:
    text = TomlText(
        Path("x"),
        'top = 1\n[a.b] # [c]\nx = """\n[no]\n"""\ny.z = 2\n"q.r" = [\n 1,\n]\n'
        "\n[d]\ninline = { k = 1 }\n[[e]]\nf = 1\n",
    )
    expected = {
        ("top",): 1,
        ("a", "b", "x"): 3,
        ("a", "b", "y", "z"): 6,
        ("a", "b", "q.r"): 7,
        ("d", "inline", "k"): 12,
        ("e", "f"): 14,
        ("a", "b", "missing"): 2,
        ("missing",): None,
    }
    assert {path: text.line_of(path) for path in expected} == expected
