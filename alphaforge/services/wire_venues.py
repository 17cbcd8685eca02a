"""Opens the venues of a run over a wire: the key, the way there, the exchange if it is ours.

Must never trade: what it gives is not connected yet.
"""

import contextlib
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Final, NamedTuple

from msgspec.structs import replace

from alphaforge.errors import NotFoundError
from alphaforge.services.assembly import (
    DEFAULT_SYMBOL,
    PlannedStrategy,
    RunOptions,
    wanted_symbols,
)
from alphaforge.services.config import Configuration
from alphaforge.services.config_origin import Source
from alphaforge.services.credentials import Credentials
from alphaforge.services.local_exchange import Listening, LocalTerms, local_exchange
from alphaforge.services.routing import Router
from alphaforge.services.secrets import credentials_of
from alphaforge.services.venue_access import VenueWay, venue_way
from alphaforge.services.wire_assembly import WireAssembly
from alphaforge.store.reads import open_reader
from alphaforge.store.records import RunStatus
from alphaforge.venues.base import Venue
from alphaforge.venues.ccxt_access import Access, Local, Network
from alphaforge.venues.ccxt_loading import load_exchange
from alphaforge.venues.ccxt_profile import Profile

if TYPE_CHECKING:
    from alphaforge.venues.ccxt_venue import CcxtVenue

_LOCAL_CLOCK_NS: Final = 100_000_000
_LOCAL_LAG_NS: Final = 200_000_000


class VenueSymbols(NamedTuple):
    """One venue of the run and the symbols that it trades, as they are spelled."""

    way: VenueWay
    symbols: tuple[str, ...]

    @property
    def starts_exchange(self) -> bool:
        """Whether the run starts this exchange itself."""
        return self.way.section.kind == "local" and self.way.section.address is None


def sort_among_venues(
    planned: Sequence[PlannedStrategy], options: RunOptions, configuration: Configuration
) -> tuple[VenueSymbols, ...]:
    """The symbols that a run speaks of, by the venue that trades them; in order of appearance.

    Raises `NotFoundError` for a venue that does not exist, with the nearest name.
    """
    settings = configuration.settings
    router = Router(settings.routing, settings.engine.venue)
    by_venue: dict[str, list[str]] = {}
    for symbol in wanted_symbols(planned, options, configuration) or [DEFAULT_SYMBOL]:
        by_venue.setdefault(router.venue_of(symbol), []).append(symbol)
    return tuple(
        VenueSymbols(venue_way(settings, name), tuple(symbols))
        for name, symbols in by_venue.items()
    )


class Books:
    """The final books of the exchanges that a run started, kept beside the database."""

    def __init__(self, directory: Path) -> None:
        self._folder = directory / "data" / "books"
        self._written: dict[str, Path] = {}

    def file_of(self, venue: str) -> Path:
        """Where an exchange writes them; it ends before they are kept."""
        self._folder.mkdir(parents=True, exist_ok=True)
        return self._written.setdefault(venue, self._folder / f".{venue}.json")

    def keep(self, run_id: str) -> None:
        """Name them by their run: `data/books/RUN.VENUE.json`."""
        for venue, path in self._written.items():
            if path.exists():
                path.replace(self._folder / f"{run_id}.{venue}.json")


class VenueOpener:
    """Makes the adapters of one run; exchanges it starts end with `stack`."""

    def __init__(
        self,
        plan: WireAssembly,
        configuration: Configuration,
        books: Books,
        stack: contextlib.AsyncExitStack,
    ) -> None:
        self._plan = plan
        self._configuration = configuration
        self._books = books
        self._stack = stack

    async def open(self, venue: VenueSymbols) -> Venue:
        """The adapter of one venue, its exchange running.

        Raises `CredentialsError` without a key or with one that is refused, `VenueUnavailableError`
        if the exchange does not come up; see `greet`.
        """
        way, section = venue.way, venue.way.section
        profile = way.profile
        if venue.starts_exchange:
            profile = profile if section.faults else _prompt(profile)
            terms = await self._local_terms(venue)
            starting = local_exchange(terms, lambda: _adapter(profile))
            listening = await self._stack.enter_async_context(starting)
            access = _access_to(listening, way)
        else:
            key = credentials_of(way.name, section.account)
            access = way.access(Network.TEST, key)
            await _greet(way, access, key, venue.symbols)
        return _adapter(profile)(
            access, profile, name=way.name, account=section.account, wanted=venue.symbols
        )

    async def _local_terms(self, venue: VenueSymbols) -> LocalTerms:
        """What an exchange is started with; it goes on from its state only for a run that does."""
        way, section = venue.way, venue.way.section
        directory = self._configuration.directory
        folder = directory / "data" / "local"
        state = folder / f"{way.name}.state"
        if not (state.exists() and await self._was_killed(way)):
            state.unlink(missing_ok=True)
            self._plan.may_continue = False
        seed = section.seed
        return LocalTerms(
            symbols=tuple(each.partition("@")[0] for each in venue.symbols),
            seed=self._configuration.settings.engine.seed if seed is None else seed,
            speed=str(section.speed),
            cash=self._cash(section.cash),
            state=state,
            books=self._books.file_of(way.name),
            log=folder / f"{way.name}.log",
            faults=None if section.faults is None else str(directory / section.faults),
        )

    def _cash(self, configured: str) -> str:
        """Start balances: `--cash` is stronger than the venue's section."""
        is_flag = self._configuration.origin("paper.cash").source is Source.FLAG
        return self._configuration.settings.paper.cash if is_flag else configured

    async def _was_killed(self, way: VenueWay) -> bool:
        """Whether the store holds a run on this venue that never ended."""
        with contextlib.suppress(NotFoundError):
            async with open_reader(self._configuration.store_url) as reader:
                return any(
                    each.status is RunStatus.RUNNING and each.mode == self._plan.mode
                    for each in await reader.runs()
                    if way.name in {instrument.venue for instrument in each.instruments}
                )
        return False


def _adapter(profile: Profile) -> "type[CcxtVenue]":
    """The adapter, loaded with its exchange: a second's work that has time until here."""
    from alphaforge.venues.ccxt_venue import CcxtVenue  # noqa: PLC0415 - see above

    load_exchange(profile.ccxt_id)
    return CcxtVenue


async def _greet(way: VenueWay, access: Access, key: Credentials, wanted: Sequence[str]) -> None:
    """See `greet`."""
    from alphaforge.services.wire_contact import greet  # noqa: PLC0415 - it loads the adapter too

    await greet(way, access, key, wanted)


def _prompt(profile: Profile) -> Profile:
    """What an exchange of our own keeps: this machine's clock, and answers that are never old."""
    capabilities = replace(
        profile.capabilities, clock_bound_ns=_LOCAL_CLOCK_NS, read_lag_ns=_LOCAL_LAG_NS
    )
    return replace(profile, capabilities=capabilities)


def _access_to(listening: Listening, way: VenueWay) -> Access:
    return Access(
        ccxt_id=way.profile.ccxt_id,
        network=Network.TEST,
        api_key=listening.api_key,
        secret=listening.secret,
        local=Local(listening.port, Path(listening.ca_file)),
    )
