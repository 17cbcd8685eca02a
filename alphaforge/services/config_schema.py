"""The settings described for others: a JSON schema for editors, tables for docs/configuration.md.

Both are generated from `config_keys`; must never hold a key of its own.
"""

from collections.abc import Iterator
from itertools import groupby

from alphaforge.services.config_keys import ANY_NAME, Key, all_keys, section_meaning
from alphaforge.services.config_sections import Settings
from alphaforge.services.values import plain_type

Schema = dict[str, object]


def json_schema() -> Schema:
    """JSON schema (draft 2020-12) of alphaforge.toml; `env.*` takes every section again."""
    root = _table("alphaforge.toml")
    for name in Settings.__struct_fields__:
        _descend(root, (name,))
    for key in all_keys():
        *path, leaf = key.name.split(".")
        parent = _descend(root, tuple(path))
        _put(parent, leaf, _leaf(key))
    sections = dict(_properties(root))
    profile = {"type": "object", "properties": sections, "additionalProperties": False}
    _properties(root)["env"] = {"type": "object", "additionalProperties": profile}
    return {"$schema": "https://json-schema.org/draft/2020-12/schema", **root}


def markdown_tables() -> str:
    """One table per section: key, type, range, default, meaning."""
    return "\n".join(_sections())


def _sections() -> Iterator[str]:
    for section, keys in groupby(all_keys(), key=lambda key: key.section):
        title = section.replace(f"strategies.{ANY_NAME}", "strategies.NAME")
        title = title.replace("instruments.*", 'instruments."SYMBOL"').replace("*", "NAME")
        meaning = section_meaning(section) if not section.startswith("strategies") else ""
        yield f"### `[{title}]`\n"
        if meaning and not section.startswith("routing"):
            yield f"{meaning}\n"
        yield "| key | type | range | default | meaning |\n|---|---|---|---|---|"
        for key in keys:
            yield _row(key)
        yield ""


def _row(key: Key) -> str:
    name = key.name.rpartition(".")[2].replace(ANY_NAME, "*name*")
    name = name if name.startswith("*") else f"`{name}`"
    default = key.default_text if key.default is None else f"`{key.default_text}`"
    meaning = key.meaning.replace("|", "\\|")
    kind = "text, number, true or false" if key.annotation is object else key.type_text
    return f"| {name} | {kind} | {key.bounds} | {default} | {meaning} |"


def _table(description: str) -> Schema:
    return {
        "type": "object",
        "description": description,
        "properties": {},
        "additionalProperties": False,
    }


def _properties(schema: Schema) -> Schema:
    properties = schema["properties"]
    assert isinstance(properties, dict)  # noqa: S101 - for the type checker: _table made it
    return properties  # pyright: ignore[reportUnknownVariableType] - a JSON object


def _descend(schema: Schema, path: tuple[str, ...]) -> Schema:
    """The sub-table at a path, made on the way."""
    for depth, part in enumerate(path):
        name = ".".join(path[: depth + 1])
        existing = _properties(schema).get(part) if part != ANY_NAME else None
        if part == ANY_NAME:
            existing = schema["additionalProperties"]
        if not isinstance(existing, dict):
            existing = _table(section_meaning(name))
            _put(schema, part, existing)
        schema = existing  # pyright: ignore[reportUnknownVariableType] - a JSON object
    return schema


def _put(schema: Schema, name: str, value: Schema) -> None:
    if name == ANY_NAME:
        schema["additionalProperties"] = value
    else:
        _properties(schema)[name] = value


_TYPES: dict[str, object] = {
    "text": "string",
    "text or number": ["string", "number"],
    "whole number": "integer",
    "number": "number",
    "decimal number": ["string", "number"],
    "true or false": "boolean",
}


def _leaf(key: Key) -> Schema:
    schema: Schema = {"description": key.meaning}
    if key.annotation is object:
        return {**schema, "type": ["string", "number", "boolean", "array"]}
    words = key.type_text
    if words.startswith("one of "):
        schema["enum"] = words.removeprefix("one of ").split(", ")
    elif words.startswith("list of "):
        schema |= {"type": "array", "items": {"type": "string"}}
    else:
        schema["type"] = _TYPES[words]
    if plain_type(key.annotation) is int:
        if key.bounds.minimum is not None:
            schema["minimum"] = int(key.bounds.minimum)
        if key.bounds.maximum is not None:
            schema["maximum"] = int(key.bounds.maximum)
    if key.default is not None:
        schema["default"] = _plain_default(key)
    return schema


def _plain_default(key: Key) -> object:
    if isinstance(key.default, bool | int | str):
        return str(key.default) if isinstance(key.default, str) else key.default
    return key.default_text.strip('"') if not isinstance(key.default, tuple) else []
