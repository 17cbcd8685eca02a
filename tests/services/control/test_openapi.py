"""The description of the API: whole, valid by its structure, and about what is served."""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec
import pytest

from alphaforge.client.messages import CHANNELS
from alphaforge.client.requests import OrderRequest, Problem
from tests.services.control.api_rig import served

METHODS = {"get", "post", "patch", "put", "delete"}
SCHEMA_TYPES = {"string", "integer", "number", "boolean", "array", "object", "null"}


@pytest.fixture
async def document(tmp_path: Path) -> dict[str, Any]:
    async with served(tmp_path) as engine:
        status, found = await engine.client.get("/api/schema")
    assert status == 200
    return found


def operations(document: dict[str, Any]) -> Iterator[tuple[str, str, dict[str, Any]]]:
    for path, item in document["paths"].items():
        for method, operation in item.items():
            yield method, path, operation


def nodes(value: Any) -> Iterator[dict[str, Any]]:
    if isinstance(value, dict):
        yield value
        for each in value.values():
            yield from nodes(each)
    elif isinstance(value, list):
        for each in value:
            yield from nodes(each)


def test_it_is_openapi_3_1_with_every_part_that_it_must_have(document: dict[str, Any]) -> None:
    assert re.fullmatch(r"3\.1\.\d", document["openapi"])
    assert {"title", "version"} <= set(document["info"])
    for method, path, operation in operations(document):
        assert method in METHODS
        assert path.startswith("/")
        assert operation["responses"]
        assert all(each["description"] for each in operation["responses"].values())


def test_every_reference_leads_to_a_schema(document: dict[str, Any]) -> None:
    schemas = document["components"]["schemas"]
    references = [each["$ref"] for each in nodes(document) if "$ref" in each]
    assert references
    for reference in references:
        prefix, name = reference.rsplit("/", 1)
        assert (prefix, name in schemas) == ("#/components/schemas", True)


def test_every_type_is_one_of_json_schema(document: dict[str, Any]) -> None:
    for schema in nodes(document["components"]["schemas"]):
        given = schema.get("type", [])
        named = [given] if isinstance(given, str) else given
        if isinstance(named, list):
            assert set(named) <= SCHEMA_TYPES


def test_every_operation_has_a_name_of_its_own(document: dict[str, Any]) -> None:
    names = [operation["operationId"] for _, _, operation in operations(document)]
    assert len(names) == len(set(names))


def test_the_parts_of_a_path_are_its_parameters(document: dict[str, Any]) -> None:
    for _, path, operation in operations(document):
        told = {each["name"] for each in operation["parameters"] if each["in"] == "path"}
        assert told == set(re.findall(r"{(\w+)}", path))
        assert all(each["required"] for each in operation["parameters"] if each["in"] == "path")


def test_the_contracts_routes_are_all_there(document: dict[str, Any]) -> None:
    lists = (
        *("positions", "orders", "fills", "trades", "pnl", "signals", "alerts", "strategies"),
        *("risk", "summary", "ws-connections", "market", "venues", "log"),
    )
    wanted = {
        *(("get", f"/api/live/{name}") for name in lists),
        *(("get", f"/api/{name}") for name in ("health", "schema", "runs", "bars", "book")),
        *(("get", path) for path in ("/metrics", "/api/runs/{id}", "/ws/{channel}")),
        *(("get", path) for path in ("/api/orders/{id}", "/api/orders/{id}/why", "/api/tape")),
        *(("get", path) for path in ("/api/engine", "/api/kill")),
        *(("post", f"/api/{name}") for name in ("orders", "kill", "pause", "resume", "stop")),
        *(("post", f"/api/{name}") for name in ("flatten", "reconcile", "orders/cancel")),
        *(("post", f"/api/orders/{{id}}/{verb}") for verb in ("cancel", "modify")),
        *(("post", f"/api/strategies/{{name}}/{verb}") for verb in ("start", "stop", "reload")),
        ("patch", "/api/strategies/{name}"),
        ("post", "/api/risk/arm"),
        ("post", "/api/alerts/{number}/ack"),
    }
    assert wanted <= {(method, path) for method, path, _ in operations(document)}


def test_only_reads_need_no_more_than_the_scope_read(document: dict[str, Any]) -> None:
    for method, path, operation in operations(document):
        assert operation["tags"] == (["read"] if method == "get" else ["trade"]), path


def test_bodies_and_problems_are_described_by_the_structs_themselves(
    document: dict[str, Any],
) -> None:
    schemas = document["components"]["schemas"]
    assert set(schemas["OrderRequest"]["properties"]) == set(OrderRequest.__struct_fields__)
    assert schemas["OrderRequest"]["required"] == ["symbol", "side", "quantity"]
    assert set(schemas["Problem"]["properties"]) == set(Problem.__struct_fields__)
    for _, _, operation in operations(document):
        content = operation["responses"]["default"]["content"]["application/json"]
        assert content["schema"] == {"$ref": "#/components/schemas/Problem"}


def test_it_names_every_channel(document: dict[str, Any]) -> None:
    (parameter,) = document["paths"]["/ws/{channel}"]["get"]["parameters"]
    assert parameter["schema"]["enum"] == ["all", *CHANNELS]


async def test_every_get_of_it_is_served_and_answers_what_it_says(
    document: dict[str, Any], tmp_path: Path
) -> None:
    async with served(tmp_path) as engine:
        engine.run.tick(100.0)
        for method, path, operation in operations(document):
            if method != "get" or "{" in path:
                continue
            needs_symbol = {"symbol"} & {each["name"] for each in operation["parameters"]}
            is_market = path in {"/api/bars", "/api/book", "/api/tape"}
            query = "?symbol=BTC/USDT" if needs_symbol and is_market else ""
            if path == "/api/runs":
                continue  # this engine has no store
            status, answer = await engine.client.get(path + query)
            assert status == 200, path
            schema = operation["responses"]["200"]["content"].get("application/json")
            if schema is not None and "required" in schema["schema"]:
                assert set(answer) == set(schema["schema"]["required"])
    msgspec.json.encode(document)
