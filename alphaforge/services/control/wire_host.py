"""Makes the `Host` of a run over a wire: its venues with their state and health, its door.

Must never ask a venue anything by itself.
"""

from collections.abc import Mapping

from alphaforge.engine.core import Engine
from alphaforge.services.control.host import Host, VenueView
from alphaforge.services.door import Door
from alphaforge.services.stopping import Reason, StopRequest
from alphaforge.services.venue_link import VenueLink
from alphaforge.store.records import RunRecord
from alphaforge.venues.base import Watch


class _Venues:
    """Looks at each venue, and remembers since when it has been as it is."""

    def __init__(self, engine: Engine, door: Door, links: Mapping[str, VenueLink]) -> None:
        self._engine = engine
        self._door = door
        self._links = links
        self._since: dict[str, tuple[str, int]] = {}

    def views(self) -> tuple[VenueView, ...]:
        return tuple(self._view(name, link) for name, link in self._links.items())

    def _view(self, name: str, link: VenueLink) -> VenueView:
        claims = self._engine.execution.claims
        held = claims.state.venue_states.get(name) if claims is not None else None
        if held is not None:
            state, reason = held[0].value, held[1]
        else:
            state, reason = (
                ("READY", "") if link.reconciler.certain.is_set() else ("CONNECTING", "")
            )
        was, since = self._since.get(name, ("", 0))
        if was != state:
            since = self._door.now
            self._since[name] = (state, since)
        venue = link.venue
        return VenueView(name, venue.account, state, reason, since, venue.health, venue)

    def reconcile(self) -> None:
        for link in self._links.values():
            link.reconciler.check()

    def watch_book(self, symbol: str) -> None:
        state = self._engine.markets.states.get(symbol)
        link = self._links.get(state.instrument.venue) if state is not None else None
        if link is not None:
            link.venue.watch(symbol, Watch.BOOK)


def wire_host(
    engine: Engine,
    run: RunRecord,
    door: Door,
    links: Mapping[str, VenueLink],
    stop: StopRequest,
) -> Host:
    """The run as clients see it; ending it by their word is an orderly end."""
    venues = _Venues(engine, door, links)
    host = Host(
        engine,
        run,
        lambda: door.now,
        door.put,
        venues.views,
        lambda: stop.ask(Reason.ASKED, host.stopped_by),
    )
    host.reconcile = venues.reconcile
    host.watch_book = venues.watch_book
    door.on_market = host.saw_one
    return host
