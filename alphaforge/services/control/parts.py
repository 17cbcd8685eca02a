"""The control API of one engine, put together: its routes, its writers, its server.

Loaded only where an engine is served: it loads the web framework. Must hold no behaviour.
"""

import msgspec

from alphaforge.client.records import EngineRecord
from alphaforge.services.clock import Clock
from alphaforge.services.control.access import Doorman
from alphaforge.services.control.kill import KillSwitch
from alphaforge.services.control.openapi import describe_api
from alphaforge.services.control.publisher import Hub
from alphaforge.services.control.route import Asking, Route, Text
from alphaforge.services.control.routes_live import LiveRoutes
from alphaforge.services.control.routes_runs import RunRoutes
from alphaforge.services.control.routes_writes import WriteRoutes
from alphaforge.services.control.server import ControlServer, Limits
from alphaforge.services.control.steering import Steering
from alphaforge.services.control.streaming import StreamLimits, Streams
from alphaforge.services.control.tally import Tally
from alphaforge.services.control.writes import Door, OrderDesk


class ControlApi:
    """Everything that serves one engine.

    Attributes:
        door: Closed first, when the engine stops.
        kill: Its `run` must be a task.
        streams: Closed before the server.
        server: On the wire.
        routes: All that can be asked.
    """

    def __init__(
        self,
        hub: Hub,
        record: EngineRecord,
        doorman: Doorman,
        clock: Clock,
        limits: Limits | None = None,
        stream_limits: StreamLimits | None = None,
    ) -> None:
        host = hub.views.host
        self.tally = Tally(host.now)
        host.on_step.append(self.tally.step)
        host.on_alert.append(self.tally.alert)
        self.door = Door(host)
        self.orders = OrderDesk(self.door, hub.order_row)
        self.kill = KillSwitch(
            self.door, clock, lambda used: hub.show_killed() if used else hub.show_armed()
        )
        steering = Steering(self.door, self.kill, hub.order_row)
        self.streams = Streams(hub, self.tally, clock, stream_limits)
        self.routes = [
            *LiveRoutes(hub, record, self.orders, self.kill, self.tally).routes(),
            *WriteRoutes(host, self.orders, steering, self.kill).routes(),
            *RunRoutes(hub).routes(),
            Route("GET", "/api/schema", self._schema, None, "This description."),
        ]
        self.server = ControlServer(
            self.routes, self.streams.carry, doorman, self.tally, clock, limits
        )

    async def _schema(self, asking: Asking) -> Text:
        del asking
        return Text(msgspec.json.encode(describe_api(self.routes)), "application/json")
