"""Alerts, signals and log lines of a run as rows, the newest of each, numbered from the first.

Must decide nothing about what is worth an alert: the engine and the sessions did.
"""

from collections import deque
from collections.abc import Iterable
from typing import Final

from alphaforge.client.records import AlertRow, LogRow, SignalRow
from alphaforge.model.enums import AlertLevel
from alphaforge.model.events import Alert, Signal
from alphaforge.store.export import iso_time

KEEP: Final = 500
STRATEGY_LOG: Final = "strategy-log"
"""Code of what a strategy says with `log`: no alert."""

RISK_STATE: Final = "risk-state"


class NewsRows:
    """Takes alerts, signals and log lines; keeps `KEEP` of each.

    Attributes:
        alerts, signals, log: Rows, oldest first.
        changed: Alerts acknowledged since somebody last cleared it.
        unread: Warnings and errors nobody acknowledged.
        risk_reason: What the last change of the risk state said.
        last_alert, last_line, last_signal: How many there ever were.
    """

    def __init__(self) -> None:
        self.alerts: deque[AlertRow] = deque(maxlen=KEEP)
        self.signals: deque[SignalRow] = deque(maxlen=KEEP)
        self.log: deque[LogRow] = deque(maxlen=KEEP)
        self.changed: list[AlertRow] = []
        self.unread = 0
        self.risk_reason = ""
        self.last_alert = self.last_line = self.last_signal = 0

    def alert(self, alert: Alert) -> None:
        """Take an alert; the log has its line of it from its own keeper."""
        if alert.code == STRATEGY_LOG:
            return
        if alert.code == RISK_STATE:
            self.risk_reason = alert.message.partition(": ")[2]
        self.last_alert += 1
        is_quiet = alert.level is AlertLevel.INFO
        self.unread += not is_quiet
        self.alerts.append(alert_row(self.last_alert, alert))

    def signal(self, signal: Signal) -> None:
        """Take a signal."""
        self.last_signal += 1
        self.signals.append(signal_row(signal))

    def line(self, ts: int, level: str, source: str, message: str) -> None:
        """Take a line of the log; `ts` is engine time, ns UTC."""
        self.last_line += 1
        row = LogRow(
            number=self.last_line,
            ts=iso_time(ts),
            level=str(level),
            source=source,
            message=message,
        )
        self.log.append(row)

    def acknowledge(self, number: int) -> AlertRow | None:
        """Somebody has read an alert; None for one that is not at hand."""
        for row in self.alerts:
            if row.number == number:
                if not row.acknowledged:
                    row.acknowledged = True
                    self.unread -= row.level != AlertLevel.INFO
                    self.changed.append(row)
                return row
        return None

    def acknowledge_all(self) -> int:
        """Somebody has read them all; how many were unread, those let go of included."""
        unread = self.unread
        for row in self.alerts:
            self.acknowledge(row.number)
        self.unread = 0
        return unread

    def seed(self, alerts: Iterable[Alert], signals: Iterable[Signal]) -> None:
        """Begin with those of before this process, oldest first."""
        for alert in alerts:
            self.alert(alert)
        for signal in signals:
            self.signal(signal)


def alert_row(number: int, alert: Alert) -> AlertRow:
    """One alert, nobody's yet."""
    return AlertRow(
        number=number,
        ts=iso_time(alert.ts_local),
        level=alert.level.value,
        code=alert.code,
        message=alert.message,
        strategy=alert.strategy,
        symbol=alert.symbol,
        detail=alert.detail,
        acknowledged=False,
    )


def signal_row(signal: Signal) -> SignalRow:
    """One signal."""
    return SignalRow(
        signal_id=signal.signal_id,
        ts=iso_time(signal.ts_local),
        strategy=signal.strategy,
        symbol=signal.symbol,
        direction=signal.direction,
        confidence=signal.confidence,
        reason=signal.reason,
        order_id=signal.order_id,
    )
