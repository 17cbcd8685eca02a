"""Makes the `Host` of a run whose orders are simulated: one venue that is always ready.

Must never ask a venue anything by itself.
"""

from collections.abc import Mapping

from alphaforge.engine.core import Engine
from alphaforge.model.commands import OperatorCommand
from alphaforge.model.step import Step
from alphaforge.services.control.host import Host, VenueView
from alphaforge.services.pump import Pump
from alphaforge.services.rebuilding import maker_of
from alphaforge.services.stopping import Reason, StopRequest
from alphaforge.store.records import RunRecord
from alphaforge.venues.base import Venue, Watch


def paper_host(
    engine: Engine, record: RunRecord, pump: Pump, stop: StopRequest, venues: Mapping[str, Venue]
) -> Host:
    """The run as clients see it; ending it by their word is an orderly end.

    `venues` are the adapters whose public streams feed it, by name.
    """
    engine.strategies.maker = maker_of(record)

    def put(command: OperatorCommand) -> Step:
        return pump.input(command)

    def views() -> tuple[VenueView, ...]:
        names = {state.instrument.venue for state in engine.markets.states.values()}
        return tuple(_view(name, record.account, venues.get(name)) for name in sorted(names))

    def watch_book(symbol: str) -> None:
        state = engine.markets.states.get(symbol)
        venue = venues.get(state.instrument.venue) if state is not None else None
        if venue is not None:
            venue.watch(symbol, Watch.BOOK)

    host = Host(
        engine,
        record,
        lambda: engine.timers.now,
        put,
        views,
        lambda: stop.ask(Reason.ASKED, host.stopped_by),
    )
    host.state = "TRADING"
    host.watch_book = watch_book
    pump.on_market = host.saw_market
    return host


def _view(name: str, account: str, venue: Venue | None) -> VenueView:
    health = venue.health if venue is not None else None
    return VenueView(name, account, "SIMULATED", "", 0, health, venue)
