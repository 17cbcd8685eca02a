"""Tells whoever started a run, and whoever looks at it, the same things. Must add nothing."""

from alphaforge.model.events import Alert
from alphaforge.model.step import Step
from alphaforge.services.control.host import Host
from alphaforge.services.summary import Status
from alphaforge.services.wire_plan import WireWatcher
from alphaforge.store.records import RunRecord


class Told:
    """A `WireWatcher` that tells another one and a run's `Host`."""

    def __init__(self, watcher: WireWatcher, host: Host) -> None:
        self._watcher = watcher
        self._host = host

    def began(self, run: RunRecord) -> None:
        """See `WireWatcher`."""
        self._watcher.began(run)

    def opened(self) -> None:
        """Everything is tied together; the venues are being asked."""
        self._host.state = "RECONCILING"

    def certain(self, seconds: float) -> None:
        """See `WireWatcher`: from here on it trades."""
        self._host.state = "TRADING"
        self._watcher.certain(seconds)

    def status(self, status: Status) -> None:
        """See `WireWatcher`."""
        self._watcher.status(status)

    def alert(self, alert: Alert) -> None:
        """An alert that stands in no Step."""
        self._host.alert(alert)
        self._watcher.alert(alert)

    def saw(self, step: Step) -> None:
        """A Step that is not empty."""
        self._host.saw(step)
        for alert in step.alerts:
            self._watcher.alert(alert)

    def ending(self) -> None:
        """The last things are being done."""
        self._host.state = "STOPPING"
