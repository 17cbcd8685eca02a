"""The control API described for machines: OpenAPI 3.1, made from the routes and their structs.

https://spec.openapis.org/oas/v3.1.0: schemas are JSON Schema as msgspec writes it. Must describe
nothing that is not served.
"""

import re
from collections.abc import Iterable, Sequence
from typing import Any, Final

import msgspec

from alphaforge import __version__
from alphaforge.client.messages import (
    CHANNELS,
    BarsMessage,
    Beat,
    BookMessage,
    Difference,
    ErrorMessage,
    Resend,
    Snapshot,
    TapeMessage,
    Watch,
)
from alphaforge.client.records import SCHEMA
from alphaforge.client.requests import Problem
from alphaforge.services.control.access import Scope
from alphaforge.services.control.route import Route

_REF: Final = "#/components/schemas/{name}"
_MESSAGES: Final = (
    *(Snapshot, Difference, Beat, BookMessage, TapeMessage, BarsMessage, ErrorMessage),
    *(Resend, Watch),
)

Document = dict[str, Any]
"""JSON."""


def describe_api(routes: Sequence[Route]) -> Document:
    """The whole description."""
    structs = _structs(routes)
    schemas, components = msgspec.json.schema_components(
        structs, schema_hook=_anything, ref_template=_REF
    )
    refs = dict(zip(structs, schemas, strict=True))
    paths: Document = {}
    for route in routes:
        paths.setdefault(route.path, {})[route.method.lower()] = _operation(route, refs)
    paths["/ws/{channel}"] = {"get": _stream(refs)}
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "AlphaForge control API",
            "version": __version__,
            "summary": f"A running engine, schema {SCHEMA}.",
            "description": "Over a Unix socket that is its user's alone, or over TCP with a bearer "
            "token of scope read or trade. Money, prices and quantities are text.",
        },
        "paths": paths,
        "components": {
            "schemas": dict(components),
            "securitySchemes": {"token": {"type": "http", "scheme": "bearer"}},
        },
        "security": [{"token": []}],
    }


def _anything(kind: type) -> Document:
    """Of a field whose type says nothing: any JSON."""
    if kind is not object:
        raise NotImplementedError(f"{kind} has no schema")
    return {"description": "Any JSON."}  # an empty schema counts as none for msgspec


def _structs(routes: Iterable[Route]) -> list[type[msgspec.Struct]]:
    """Every struct of a request or an answer, once."""
    found: dict[type[msgspec.Struct], None] = {Problem: None}
    for route in routes:
        for each in (route.answer, route.body):
            if each is not None:
                found[each] = None
    return [*found, *(each for each in _MESSAGES if each not in found)]


def _operation(route: Route, refs: dict[type[msgspec.Struct], Document]) -> Document:
    operation: Document = {
        "operationId": _operation_id(route),
        "summary": route.doc,
        "description": f"Needs the scope {route.scope}.",
        "tags": [Scope(route.scope).value],
        "parameters": [*_path_parameters(route), *(_query(name) for name in route.query)],
        "responses": {
            "200": {"description": "As asked.", "content": _content(route, refs)},
            "default": {
                "description": "Why not.",
                "content": {"application/json": {"schema": refs[Problem]}},
            },
        },
    }
    if route.body is not None:
        operation["requestBody"] = {
            "required": any(field.required for field in msgspec.structs.fields(route.body)),
            "content": {"application/json": {"schema": refs[route.body]}},
        }
    return operation


def _operation_id(route: Route) -> str:
    """`POST /api/orders/{id}/cancel` → `post_orders_id_cancel`."""
    words = re.findall(r"[a-z0-9]+", f"{route.method} {route.path}".lower().replace("/api/", "/"))
    return "_".join(words)


def _path_parameters(route: Route) -> list[Document]:
    names = re.findall(r"{(\w+)}", route.path)
    return [
        {"name": name, "in": "path", "required": True, "schema": {"type": "string"}}
        for name in names
    ]


def _query(name: str) -> Document:
    is_number = name in {"limit", "depth"}
    schema = {"type": "integer", "minimum": 1} if is_number else {"type": "string"}
    return {"name": name, "in": "query", "required": False, "schema": schema}


def _content(route: Route, refs: dict[type[msgspec.Struct], Document]) -> Document:
    if route.answer is None:
        return {"text/plain": {"schema": {"type": "string"}}}
    schema = refs[route.answer]
    if route.is_list:
        schema = {
            "type": "object",
            "required": ["schema", "rows", "next"],
            "properties": {
                "schema": {"type": "integer", "const": SCHEMA},
                "rows": {"type": "array", "items": schema},
                "next": {"type": ["string", "null"]},
            },
        }
    return {"application/json": {"schema": schema}}


def _stream(refs: dict[type[msgspec.Struct], Document]) -> Document:
    told = ", ".join(each.__name__ for each in _MESSAGES[:-2])
    channel = {"type": "string", "enum": ["all", *CHANNELS]}
    return {
        "operationId": "stream",
        "summary": "A WebSocket of one channel, or of all.",
        "description": f"Text frames of JSON: {told}; a client may send Resend and Watch. First a "
        "snapshot, then differences numbered without a gap.",
        "tags": [Scope.READ.value],
        "parameters": [{"name": "channel", "in": "path", "required": True, "schema": channel}],
        "responses": {
            "101": {"description": "The stream begins."},
            "default": {
                "description": "Why not.",
                "content": {"application/json": {"schema": refs[Problem]}},
            },
        },
    }
