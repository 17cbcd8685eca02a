"""Which venue trades a symbol: what it says itself, else the narrowest pattern, else the default.

Pure text; must never ask a venue whether it has the symbol.
"""

import re
from collections.abc import Collection, Mapping
from typing import NamedTuple

from alphaforge.errors import ConfigError, NotFoundError
from alphaforge.model.symbols import spelled
from alphaforge.services.suggestions import did_you_mean


class _Route(NamedTuple):
    """One line of `[routing]`, ready to be held against symbols."""

    pattern: str
    """In one spelling: `ETH/*`, `BTC/USDT:USDT`."""
    expression: re.Pattern[str]
    venue: str

    @property
    def narrowness(self) -> tuple[bool, int, int, str]:
        """Exact first, then by how much of it is literal, then the later `*`; never a tie."""
        star = self.pattern.find("*")
        literal = len(self.pattern) - self.pattern.count("*")
        return star < 0, literal, star, self.pattern


class Router:
    """Symbol → name of a venue.

    A pattern matches as symbols do, ignoring case and separators (`eth-*` is `ETH/*`); `*` stands
    for any text. A pattern without `:` means every settlement of its pair, unless a line names
    that settlement too. Of several that match, an exact one wins, then the one with the most
    literal letters, then the one whose `*` comes later. The order of the lines means nothing.
    """

    def __init__(
        self, routing: Mapping[str, str], default: str, known: Collection[str] | None = None
    ) -> None:
        """Take `[routing]`, the venue of every other symbol, and the names that exist (None: any).

        Raises `ConfigError` where two lines mean the same symbols and different venues.
        """
        self._default = default
        self._known = known
        routes: dict[str, _Route] = {}
        for written, venue in routing.items():
            route = _route(written, venue)
            other = routes.setdefault(route.pattern, route)
            if other.venue != venue:
                raise ConfigError(
                    f"{route.pattern} is routed both to {other.venue} and to {venue}",
                    remedy="take one of the two lines out",
                    key="routing",
                )
        self._routes = sorted(routes.values(), key=lambda each: each.narrowness, reverse=True)

    def venue_of(self, symbol: str) -> str:
        """The venue that trades a symbol, as strategies spell it: `BTC/USDT`, `btcusdt@kraken`.

        Raises `NotFoundError`, with the nearest name, for a venue that does not exist.
        """
        name, at, said = symbol.partition("@")
        if at:
            return self._checked(said.strip(), symbol)
        whole = _in_one_spelling(name)
        pair = whole.partition(":")[0]
        for route in self._routes:
            if route.expression.fullmatch(whole) or route.expression.fullmatch(pair):
                return self._checked(route.venue, symbol)
        return self._checked(self._default, symbol)

    def _checked(self, venue: str, symbol: str) -> str:
        if venue and (self._known is None or venue in self._known):
            return venue
        known = self._known or ()
        listed = "configured are: " + ", ".join(sorted(known)) if known else ""
        raise NotFoundError(
            f"{symbol}: there is no venue {venue}" if venue else f"{symbol} names no venue",
            remedy=did_you_mean(venue, known) or listed,
        )


def _route(written: str, venue: str) -> _Route:
    pattern = _in_one_spelling(written)
    parts = (re.escape(part) for part in pattern.split("*"))
    return _Route(pattern, re.compile(".*".join(parts), re.DOTALL), venue)


def _in_one_spelling(text: str) -> str:
    """`eth-usdt`, `ETHUSDT` → `ETH/USDT`; a `:SETTLE` and a pattern's `*` stay."""
    name, colon, settle = text.strip().upper().partition(":")
    name = re.sub(r"[-_]PERP$", "", name)
    if "/" not in name:
        parts = re.split(r"[-_]", name)
        is_pair = len(parts) == len(("base", "quote"))
        name = "/".join(parts) if is_pair else name
    return (name if "/" in name or "*" in name else spelled(name)) + colon + settle
