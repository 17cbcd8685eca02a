"""Makes the `Host` of a run whose orders are simulated: one venue that is always ready.

Must never ask a venue anything by itself.
"""

from typing import TYPE_CHECKING

from alphaforge.model.commands import OperatorCommand
from alphaforge.model.step import Step
from alphaforge.services.control.host import Host, VenueView
from alphaforge.services.pump import Pump
from alphaforge.services.rebuilding import maker_of
from alphaforge.services.stopping import Reason, StopRequest
from alphaforge.venues.base import Watch

if TYPE_CHECKING:
    from alphaforge.services.session import RunPlan


def paper_host(plan: "RunPlan", pump: Pump, stop: StopRequest) -> Host:
    """The run as clients see it; ending it by their word is an orderly end."""
    engine, record = plan.assembly.engine, plan.record
    engine.strategies.maker = maker_of(record)

    def put(command: OperatorCommand) -> Step:
        return pump.input(command)

    def views() -> tuple[VenueView, ...]:
        names = {state.instrument.venue for state in engine.markets.states.values()}
        return tuple(_view(plan, name) for name in sorted(names))

    def watch_book(symbol: str) -> None:
        state = engine.markets.states.get(symbol)
        venue = plan.venues.get(state.instrument.venue) if state is not None else None
        if venue is not None:
            venue.watch(symbol, Watch.BOOK)

    host = Host(
        engine, record, lambda: engine.timers.now, put, views, lambda: stop.ask(Reason.ASKED)
    )
    host.state = "TRADING"
    host.store_url = plan.store_url
    host.watch_book = watch_book
    pump.on_market = host.saw_market
    return host


def _view(plan: "RunPlan", name: str) -> VenueView:
    venue = plan.venues.get(name)
    account = plan.record.account
    health = venue.health if venue is not None else None
    return VenueView(name, account, "SIMULATED", "", 0, health, venue)
