"""Rows of the control API as an engine could have written them, for tests that need some."""

from typing import Any

import msgspec

from alphaforge import __version__
from alphaforge.client import records
from alphaforge.client.messages import Difference, Snapshot

TS = "2026-11-20T09:15:00.000000000Z"

_VALUES: dict[Any, object] = {str: "x", int: 1, float: 1.5, bool: False, type(None): None}


def row(kind: type[msgspec.Struct], **values: object) -> Any:
    """A row of that kind: what is not given gets something of its type."""
    given: dict[str, object] = {}
    for field in msgspec.structs.fields(kind):
        if field.required:
            kinds = getattr(field.type, "__args__", (field.type,))
            kind_of_value = type(None) if type(None) in kinds else field.type
            empty = getattr(field.type, "__origin__", None)
            given[field.name] = empty() if empty in {tuple, dict} else _VALUES[kind_of_value]
    return kind(**{**given, **values})


def engine_record(run_id: str = "20261120-091500-k3f", **values: object) -> records.EngineRecord:
    """A record of an engine of this version."""
    known = {"run_id": run_id, "version": __version__, "strategies": ("sma_cross",), "started": TS}
    return row(records.EngineRecord, **{**known, **values})


def snapshot(channel: str, seq: int, rows: dict[str, msgspec.Struct]) -> Snapshot:
    raw = {key: msgspec.Raw(msgspec.json.encode(value)) for key, value in rows.items()}
    return Snapshot(channel=channel, seq=seq, ts=TS, rows=raw)


def difference(
    channel: str, seq: int, rows: dict[str, msgspec.Struct], gone: tuple[str, ...] = ()
) -> Difference:
    raw = {key: msgspec.Raw(msgspec.json.encode(value)) for key, value in rows.items()}
    return Difference(channel=channel, seq=seq, ts=TS, set=raw, gone=gone)
