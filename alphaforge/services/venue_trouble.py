"""What a venue's no means to the person who asked: a key, a clock, a network, or a page in between.

The venue's own words are kept. Must never conclude whether an order exists: that is not asked here.
"""

import re
from collections.abc import Iterator

from alphaforge.errors import (
    AlphaForgeError,
    CredentialsError,
    VenueError,
    VenueUnavailableError,
)
from alphaforge.services.credentials import Credentials
from alphaforge.services.venue_access import VenueWay
from alphaforge.venues.ccxt_access import Access, Network

_PAGE = re.compile(r"<!doctype html|<html[\s>]", re.IGNORECASE)
_NO_NETWORK = (
    "look at the network, a proxy or a firewall; without any: --venue local, the built-in exchange"
)


def trouble(
    error: VenueError, way: VenueWay, access: Access, key: Credentials | None
) -> AlphaForgeError:
    """The error again, as one that says what to do: `CredentialsError` where the key was refused.

    Anything else stays a `VenueError` (exit 5).
    """
    causes = [*_causes(error)]
    names = {each.__name__ for cause in causes for each in type(cause).__mro__}
    title = way.title
    if any(is_page(str(cause)) for cause in causes):
        return page_error(title)
    if "AuthenticationError" in names and key is not None:
        return CredentialsError(
            f"{title} refuses the key {key.ending}: {error.message}",
            remedy=_other_network(way.name, access),
        )
    if "InvalidNonce" in names:
        return VenueError(
            f"{title} refuses the time of the request: {error.message}",
            remedy="set this machine's clock: its time is sent along and must be right to a second",
        )
    if isinstance(error, VenueUnavailableError):
        return VenueUnavailableError(error.message, remedy=error.remedy or _NO_NETWORK)
    return error


def is_page(text: str) -> bool:
    """Whether a text is, or holds, a web page: no exchange answers with one."""
    return _PAGE.search(text) is not None


def page_error(title: str) -> VenueError:
    """What to say then."""
    return VenueError(
        f"{title} was not reached: a web page came back instead of its answer",
        remedy="a proxy, a login page or a firewall stands in between, or the exchange closes its "
        "doors to this country",
    )


def _other_network(name: str, access: Access) -> str:
    if access.local is not None:
        return f"it wants the key it was started with: alphaforge keys set {name}"
    used = "test network" if access.network is Network.TEST else "real exchange"
    other = "real exchange" if access.network is Network.TEST else "test network"
    return (
        f"it was tried on the {used}: a key of the {other} does not work there. Else look at its "
        "permissions, its expiry and the addresses it is bound to; set a new one: alphaforge keys "
        f"set {name}"
    )


def _causes(error: BaseException) -> Iterator[BaseException]:
    """The error and what it came from, outermost first."""
    each: BaseException | None = error
    while each is not None:
        yield each
        each = each.__cause__
