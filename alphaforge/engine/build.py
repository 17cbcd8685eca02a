"""Makes engines: the few lines every owner of one would otherwise write."""

from collections.abc import Mapping

from alphaforge.engine.core import Engine
from alphaforge.engine.markets import Markets
from alphaforge.engine.simulated_venue import SimulatedVenue
from alphaforge.engine.timers import Timers
from alphaforge.model.instrument import Instrument
from alphaforge.model.settings import EngineSettings


def simulate(
    settings: EngineSettings | None = None,
    instruments: Mapping[str, Instrument] | None = None,
    native_kinds: Mapping[str, str] | None = None,
) -> Engine:
    """Make an engine whose orders meet a simulated venue.

    `native_kinds` names the kind of bar the data of a symbol consist of, where they are bars.
    """
    settings = settings or EngineSettings()

    def venue(markets: Markets, timers: Timers) -> SimulatedVenue:
        return SimulatedVenue(markets, timers, settings.simulation)

    engine = Engine(settings, instruments, simulated=venue)
    for symbol, kind in (native_kinds or {}).items():
        engine.markets.states[symbol].native_kind = kind
    return engine
