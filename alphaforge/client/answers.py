"""What the control API answers beside its rows: health, the engine, stored runs, round trips.

As `records`: money is text, times are ISO-8601 UTC. Must hold no logic.
"""

from typing import Any

import msgspec

from alphaforge.client.records import SCHEMA, EngineRecord


class EngineAnswer(EngineRecord, kw_only=True):
    """`GET /api/engine`: the engine's record without its tokens, and how it stands.

    Attributes:
        state, risk_state, killed, now: As in `SummaryRow`.
        scope: What the caller may do: `read` or `trade`.
    """

    state: str
    risk_state: str
    killed: bool
    now: str
    scope: str


class HealthRecord(msgspec.Struct, kw_only=True):
    """`GET /api/health`: whether somebody should look.

    Attributes:
        status: `ok`; `degraded` when a venue is not READY, a strategy failed, orders are in
            doubt, or events of the market were dropped; `killed` after the kill switch.
        reasons: Why it is not `ok`.
        venues: State by venue.
        errors: Count by class: codes of alerts above INFO, and of refused requests (`AF-U000`).
        connections: WebSockets open now.
        dropped_events: Market events that no view saw.
    """

    schema: int = SCHEMA
    run_id: str
    version: str
    status: str
    reasons: tuple[str, ...]
    state: str
    now: str
    venues: dict[str, str]
    errors: dict[str, int]
    connections: int
    dropped_events: int


class ConnectionRow(msgspec.Struct, kw_only=True):
    """One open WebSocket; key: `number`.

    Attributes:
        way: How it came in: `socket:1000`, `tcp:read`.
        sent: Messages so far.
        resyncs: Times it was too slow and got a snapshot instead of what it had missed.
    """

    number: int
    way: str
    scope: str
    since: str
    channels: tuple[str, ...]
    sent: int
    resyncs: int


class TripRow(msgspec.Struct, kw_only=True):
    """A closed position: flat to flat, or up to a reversal; key: `number`, counted from 1.

    Attributes:
        realized_pnl, fees: In the settle currency of the symbol; P&L is gross of fees.
    """

    number: int
    symbol: str
    strategy: str
    side: str
    quantity: str
    realized_pnl: str
    fees: str
    opened: str
    closed: str


class RunRow(msgspec.Struct, kw_only=True):
    """One run of the store; key: `run_id`.

    Attributes:
        ended: Null while it runs.
        summary: The figures printed at its end; null before.
    """

    run_id: str
    mode: str
    venue: str
    account: str
    strategies: tuple[str, ...]
    started: str
    ended: str | None
    status: str
    error: str
    summary: dict[str, Any] | None


class RunAnswer(RunRow, kw_only=True):
    """`GET /api/runs/{id}`: a run with what it was made of."""

    schema: int = SCHEMA
    seed: int
    parameters: dict[str, dict[str, Any]]
    settings: dict[str, Any]
    files: dict[str, str]
    data: tuple[str, ...]
    symbols: tuple[str, ...]
