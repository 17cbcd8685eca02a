"""What a venue's name means: a section of `[venues]`, a built-in market, or an exchange of ccxt.

Must never import ccxt: a name is looked up in the list of its files.
"""

from collections.abc import Iterable, Mapping
from typing import Final

import msgspec

from alphaforge.errors import NotFoundError
from alphaforge.services.config_sections import Settings, VenueSection
from alphaforge.services.suggestions import nearest
from alphaforge.venues.ccxt_loading import exchange_ids

BUILT_IN: Final[Mapping[str, VenueSection]] = {
    "local": VenueSection(kind="local"),
    "synthetic": VenueSection(kind="synthetic"),
}
"""Venues that need neither a section nor a network."""

PROTOCOLS: Final = ("binance", "bybit")
"""What the built-in exchange can speak, its usual one first."""


def is_known_venue(configured: Iterable[str], name: str) -> bool:
    """Whether a name means a venue: configured, built in, or an exchange of ccxt."""
    return name in configured or name in BUILT_IN or name in exchange_ids()


def nearest_venue(configured: Iterable[str], name: str) -> str:
    """The venue somebody meant, one of his own before all others; empty when none is near."""
    return nearest(name, (*configured, *BUILT_IN)) or nearest(name, exchange_ids())


def venue_section(settings: Settings, name: str) -> VenueSection:
    """What a name means, with its `exchange` said: a ccxt id, or the protocol of a local one.

    The exchange of a synthetic market stays None. Raises `NotFoundError` with the nearest name.
    """
    section = settings.venues.get(name) or BUILT_IN.get(name)
    if section is None and name in exchange_ids():
        section = VenueSection()
    if section is None:
        guess = nearest_venue(settings.venues, name)
        raise NotFoundError(
            f"there is no venue {name}",
            remedy=f"did you mean {guess}?" if guess else "see them: alphaforge exchange list",
        )
    usual = {"local": PROTOCOLS[0], "ccxt": name}.get(section.kind)
    return msgspec.structs.replace(section, exchange=section.exchange or usual)


def exchange_problem(name: str, section: VenueSection) -> tuple[str, str] | None:
    """What is wrong with a section's exchange, and what would be right; None if nothing is."""
    if section.kind == "synthetic":
        return None
    if section.kind == "local":
        wanted, known = section.exchange or PROTOCOLS[0], PROTOCOLS
        message = f"the built-in exchange does not speak {wanted}"
    else:
        wanted, known = section.exchange or name, exchange_ids()
        message = f"there is no exchange {wanted} in ccxt"
    if wanted in known:
        return None
    guess = nearest(wanted, known)
    if not section.exchange:
        return message, f'say which one it is: exchange = "{guess or PROTOCOLS[0]}"'
    usual = "see them: alphaforge exchange list"
    usual = f"write: {' or '.join(PROTOCOLS)}" if section.kind == "local" else usual
    return message, f"did you mean {guess}?" if guess else usual


def venue_names(settings: Settings) -> tuple[str, ...]:
    """Every name that means a venue: yours, the built-in ones, then ccxt's."""
    return (*settings.venues, *BUILT_IN, *exchange_ids())
