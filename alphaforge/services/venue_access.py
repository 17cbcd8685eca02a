"""From a venue's name to how it is reached: its section, its profile, its key, its network.

The play-money network is only given where a profile says what proves that it is one. Must never
connect: it only puts values together.
"""

import os
from collections.abc import Mapping
from pathlib import Path
from typing import NamedTuple

import msgspec

from alphaforge.errors import NotFoundError, UsageError
from alphaforge.services.config_sections import Settings, VenueSection
from alphaforge.services.credentials import Credentials
from alphaforge.services.venue_choice import venue_section
from alphaforge.venues.ccxt_access import Access, Local, Network
from alphaforge.venues.ccxt_profile import Profile
from alphaforge.venues.ccxt_profiles import PROFILES, profile_of

_SECONDS_PER_MINUTE = 60
_NS_PER_MS = 1_000_000


class VenueWay(NamedTuple):
    """One venue of the settings.

    Attributes:
        name: As in `[venues.NAME]`.
        section: Its settings, with `exchange` said.
        profile: What it does, with the settings' receive window.
    """

    name: str
    section: VenueSection
    profile: Profile

    @property
    def title(self) -> str:
        """The venue as a message names it: `Binance`, or `mine (Binance)` under your own name."""
        is_local = self.section.kind == "local"
        title = "the built-in exchange" if is_local else self.profile.title
        return title if self.name == self.profile.ccxt_id else f"{self.name} ({title})"

    def check_network(self, network: Network) -> None:
        """Refuse the play-money network of a venue that has none; names those that have one."""
        if network is Network.LIVE or self.section.kind == "local":
            return
        test = self.profile.test_network
        if not test.way:
            having = ", ".join(name for name, each in PROFILES.items() if each.test_network.way)
            raise UsageError(
                f"{self.name} has no test network: {test.why_none}",
                remedy=f"the built-in exchange needs none: local; those that have one: {having}",
            )

    def access(
        self, network: Network, key: Credentials | None, environ: Mapping[str, str] | None = None
    ) -> Access:
        """How to reach it as whom; without a key, market data only.

        Raises `UsageError` where it has no such network, or begins with each run.
        """
        self.check_network(network)
        local = self._local()
        share = float(self.section.weight_share) * self.profile.weight_limit
        return Access(
            ccxt_id=self.profile.ccxt_id,
            network=Network.TEST if local is not None else network,
            api_key=key.api_key if key is not None else "",
            secret=key.secret if key is not None else "",
            password=key.password if key is not None else "",
            uid=key.uid if key is not None else "",
            local=local,
            weight_per_second=share / _SECONDS_PER_MINUTE,
            cache_folder=None if local is not None else cache_folder(environ),
            market_types=(self.section.market,) if self.section.market is not None else (),
        )

    def _local(self) -> Local | None:
        """The built-in exchange that runs already; raises `UsageError` if there is none."""
        section = self.section
        if section.kind == "ccxt":
            return None
        if section.address is None or section.ca_file is None:
            raise UsageError(
                f"{self.name} begins with a run and ends with it: there is nothing to ask now",
                remedy="type: alphaforge sandbox serve, and give its address and ca_file to "
                f"[venues.{self.name}]",
            )
        host, _, port = section.address.rpartition(":")
        address = "127.0.0.1" if host == "localhost" else host
        return Local(int(port), self._certificate(section.ca_file), address)

    def _certificate(self, name: str) -> Path:
        """The file an exchange told of when it started; raises `NotFoundError` once it is gone."""
        path = Path(name).expanduser()
        if not path.is_file():
            raise NotFoundError(
                f"the certificate {path} of {self.name} is not there: an exchange has a new one "
                "with every start",
                remedy=f"give [venues.{self.name}] ca_file what its `sandbox serve` told",
            )
        return path


def venue_way(settings: Settings, name: str) -> VenueWay:
    """What a venue's name leads to; raises `NotFoundError` with the nearest name.

    Raises `UsageError` for a synthetic market: there is nothing to reach.
    """
    section = venue_section(settings, name)
    if section.exchange is None:
        raise UsageError(
            f"{name} is a synthetic market inside a run: it has no key and answers nobody",
            remedy="name an exchange: alphaforge exchange list",
        )
    profile = profile_of(section.exchange)
    if section.recv_window_ms is not None and profile.capabilities.request_life_ns:
        life_ns = section.recv_window_ms * _NS_PER_MS
        capabilities = msgspec.structs.replace(profile.capabilities, request_life_ns=life_ns)
        profile = msgspec.structs.replace(profile, capabilities=capabilities)
    return VenueWay(name, section, profile)


def cache_folder(environ: Mapping[str, str] | None = None) -> Path:
    """Where lists of markets are kept for a day: `alphaforge/markets` in $XDG_CACHE_HOME."""
    variables = os.environ if environ is None else environ
    home = variables.get("XDG_CACHE_HOME") or str(Path(variables.get("HOME", "~")) / ".cache")
    return Path(home).expanduser() / "alphaforge" / "markets"
