"""The figures of a run as Prometheus reads them: one text, no labels without end.

Format: https://prometheus.io/docs/instrumenting/exposition_formats/ (text, 0.0.4). Money goes out
as a float here and nowhere else. Must count nothing itself.
"""

from collections.abc import Iterable, Iterator
from typing import Final, NamedTuple

from alphaforge.engine.strategies import RunState
from alphaforge.model.enums import RiskState
from alphaforge.services.control.publisher import Hub
from alphaforge.services.control.tally import Tally

_PREFIX: Final = "alphaforge_"
_GAUGE, _COUNTER = "gauge", "counter"
_STATES: Final = ("CONNECTING", "RECONCILING", "READY", "SIMULATED")


class _Family(NamedTuple):
    """One metric with its samples: labels → value; what is None is left out."""

    name: str
    kind: str
    about: str
    samples: Iterable[tuple[dict[str, str], float | None]]


def metrics_text(hub: Hub, tally: Tally) -> str:
    """All of them."""
    families = (*_run(hub), *_orders(hub), *_venues(hub), *_control(hub, tally))
    lines = [line for family in families for line in _lines(family)]
    return "\n".join(lines) + "\n"


def _lines(family: _Family) -> Iterator[str]:
    name = _PREFIX + family.name
    samples = [(labels, value) for labels, value in family.samples if value is not None]
    if not samples:
        return
    yield f"# HELP {name} {family.about}"
    yield f"# TYPE {name} {family.kind}"
    for labels, value in samples:
        inner = ",".join(f'{label}="{_escaped(text)}"' for label, text in labels.items())
        yield f"{name}{{{inner}}} {value!r}" if inner else f"{name} {value!r}"


def _escaped(text: str) -> str:
    return text.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")


def _one(name: str, kind: str, about: str, value: float | None) -> _Family:
    return _Family(name, kind, about, (({}, value),))


def _money(text: str) -> float:
    return float(text)


def _run(hub: Hub) -> Iterator[_Family]:
    row, host = hub.views.summary(), hub.views.host
    labels = {"run_id": row.run_id, "version": row.version, "mode": row.mode, "venue": row.venue}
    yield _Family("run_info", _GAUGE, "The run; always 1.", ((labels, 1),))
    currency = {"currency": row.currency}
    for name, about, text in (
        ("equity", "Equity now.", row.equity),
        ("day_pnl", "Equity now less equity at the last 00:00 UTC.", row.day_pnl),
        ("realized_pnl", "By average cost, gross of fees.", row.realized_pnl),
        ("unrealized_pnl", "Of open positions.", row.unrealized_pnl),
        ("fees", "Paid so far.", row.fees),
    ):
        yield _Family(name, _GAUGE, about, ((currency, _money(text)),))
    yield _one("drawdown_ratio", _GAUGE, "Below the highest equity.", row.drawdown_pct / 100.0)
    cash = [({"currency": name}, _money(text)) for name, text in row.cash.items()]
    yield _Family("cash", _GAUGE, "Cash by currency.", cash)
    state = host.engine.execution.gate.state
    yield _Family(
        "risk_state",
        _GAUGE,
        "1 for the state trading is in.",
        [({"state": each.value}, int(each is state)) for each in RiskState],
    )
    yield _one("killed", _GAUGE, "The kill switch was used.", int(row.killed))
    yield _one("trades_seen_total", _COUNTER, "Public trades seen.", row.trades_seen)
    yield _one("bars_total", _COUNTER, "Bars built.", row.bars)
    yield _one("dropped_events_total", _COUNTER, "Not seen by any view.", host.dropped)
    running = [
        ({"strategy": name}, int(runner.state is RunState.RUNNING))
        for name, runner in host.engine.strategies.runners.items()
    ]
    yield _Family("strategy_running", _GAUGE, "Whether a strategy runs.", running)


def _orders(hub: Hub) -> Iterator[_Family]:
    execution = hub.views.host.engine.execution
    counts = execution.counts
    ended = {
        "filled": counts.filled,
        "canceled": counts.canceled,
        "expired": counts.expired,
        "rejected": counts.rejected,
        "absent": counts.absent,
        "denied": counts.denied,
    }
    yield _one("orders_submitted_total", _COUNTER, "Orders submitted.", counts.submitted)
    samples = [({"status": name}, count) for name, count in ended.items()]
    yield _Family("orders_ended", _GAUGE, "Orders by where they ended.", samples)
    yield _one("orders_open", _GAUGE, "Orders that work.", counts.open)
    yield _one("orders_in_doubt", _GAUGE, "Outcome not known.", len(execution.doubtful))
    yield _one("fills_total", _COUNTER, "Executions booked.", counts.fills)
    latency = execution.latency
    quantiles: list[tuple[dict[str, str], float | None]] = [
        ({"quantile": text}, latency.percentile(percent) / 1e9 if latency.count else None)
        for text, percent in (("0.5", 50), ("0.99", 99))
    ]
    yield _Family("order_seconds", _GAUGE, "Decision to booked or handed on.", quantiles)
    yield _one("loop_lag_p99_seconds", _GAUGE, "Of the engine's loop.", _seconds(hub))


def _seconds(hub: Hub) -> float | None:
    lag = hub.loop_lag_ms_p99
    return None if lag is None else lag / 1000.0


def _venues(hub: Hub) -> Iterator[_Family]:
    views = hub.views.host.venues()
    healths = [({"venue": view.name}, view.health) for view in views if view.health is not None]
    yield _Family(
        "venue_state",
        _GAUGE,
        "1 for the state a venue is in.",
        [
            ({"venue": view.name, "state": state}, int(view.state == state))
            for view in views
            for state in _STATES
        ],
    )
    for name, kind, about, values in (
        (
            "venue_latency_seconds", _GAUGE, "Round trip of the last request.",
            [health.latency_ns / 1e9 if health.latency_ns else None for _, health in healths],
        ),
        (
            "venue_weight_used", _GAUGE, "Of its request budget.",
            [health.used_weight for _, health in healths],
        ),
        ("venue_streams", _GAUGE, "Streams up.", [health.streams for _, health in healths]),
        (
            "venue_streams_wanted", _GAUGE, "Streams that should be up.",
            [health.streams_wanted for _, health in healths],
        ),
        (
            "venue_reconnects_total", _COUNTER, "New connections.",
            [health.reconnects for _, health in healths],
        ),
    ):  # fmt: skip
        labels = [each for each, _ in healths]
        yield _Family(name, kind, about, list(zip(labels, values, strict=True)))


def _control(hub: Hub, tally: Tally) -> Iterator[_Family]:
    connections = tally.connections
    yield _one("control_connections", _GAUGE, "Open WebSockets.", len(connections))
    resyncs = tally.resyncs + sum(row.resyncs for row in connections)
    yield _one("control_resyncs_total", _COUNTER, "Clients that were too slow.", resyncs)
    yield _one("control_flooded_total", _COUNTER, "Clients that sent too much.", tally.flooded)
    yield _one("control_view_faults_total", _COUNTER, "Views that failed.", hub.faults)
    answers = [({"status": f"{name}xx"}, count) for name, count in sorted(tally.requests.items())]
    yield _Family("control_requests_total", _COUNTER, "Requests answered.", answers)
    errors = [({"class": name}, count) for name, count in sorted(tally.by_class().items())]
    yield _Family("errors_total", _COUNTER, "Alerts and refused requests by class.", errors)
