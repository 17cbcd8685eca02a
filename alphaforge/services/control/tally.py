"""What the control API counts of itself: requests, refusals by code, and who is connected.

Read by health, metrics and the list of connections. Must decide nothing.
"""

from collections import Counter
from collections.abc import Callable, Generator
from contextlib import contextmanager
from typing import Final

from alphaforge.client.answers import ConnectionRow
from alphaforge.model.enums import AlertLevel
from alphaforge.model.events import Alert
from alphaforge.model.step import Step
from alphaforge.services.control.access import Caller
from alphaforge.services.control.row_texts import time_text

_MOST_CODES: Final = 200


class Tally:
    """Counts since the API began.

    Attributes:
        requests: Answered, by the first figure of their status: `2`, `4`, `5`.
        errors: Refused, by code: `AF-U000`.
        alerts: Of the engine and its session, above INFO, by code.
        flooded: Connections closed because they sent too much.
        connections_seen: WebSockets so far.
        resyncs: Times that clients were too slow, on connections that ended.
    """

    def __init__(self, now: Callable[[], int]) -> None:
        """`now` is the engine's clock, ns."""
        self.requests: Counter[str] = Counter()
        self.errors: Counter[str] = Counter()
        self.alerts: Counter[str] = Counter()
        self.flooded = 0
        self.connections_seen = 0
        self.resyncs = 0
        self._now = now
        self._open: dict[int, ConnectionRow] = {}

    def answered(self, status: int) -> None:
        """Count an answer."""
        self.requests[str(status // 100)] += 1

    def alert(self, alert: Alert) -> None:
        """Count an alert; of codes without end (a venue's own), the first ones."""
        is_known = alert.code in self.alerts or len(self.alerts) < _MOST_CODES
        if alert.level is not AlertLevel.INFO and is_known:
            self.alerts[alert.code] += 1

    def step(self, step: Step) -> None:
        """Count the alerts of a Step."""
        for alert in step.alerts:
            self.alert(alert)

    def by_class(self) -> dict[str, int]:
        """Every error so far: codes of alerts, and of refused requests."""
        return dict(self.alerts) | dict(self.errors)

    @contextmanager
    def connected(self, caller: Caller, channels: tuple[str, ...]) -> Generator[ConnectionRow]:
        """An open WebSocket, listed while the block lasts; its row is for its owner to keep."""
        self.connections_seen += 1
        row = ConnectionRow(
            number=self.connections_seen,
            way=caller.way,
            scope=caller.scope.value,
            since=time_text(self._now()) or "",
            channels=channels,
            sent=0,
            resyncs=0,
        )
        self._open[row.number] = row
        try:
            yield row
        finally:
            self.resyncs += row.resyncs
            del self._open[row.number]

    @property
    def connections(self) -> list[ConnectionRow]:
        """Open WebSockets, the oldest first."""
        return list(self._open.values())
