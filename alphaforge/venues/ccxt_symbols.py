"""Finds the venue's market for each symbol as strategies spell it.

Must never take a market that is not open for trading, nor guess between two.
"""

from collections.abc import Iterable, Mapping
from difflib import get_close_matches

from alphaforge.errors import NotFoundError, UsageError, VenueError
from alphaforge.model.symbols import canonical, match

_NEAREST = 3


def resolve(
    wanted: Iterable[str], markets: Mapping[str, Mapping[str, object]], title: str
) -> dict[str, str]:
    """Ccxt's symbol for each wanted one (`btc-usdt`, `BTC/USDT@a`), in their order.

    Raises `NotFoundError` with the nearest names for one that `title` does not list, `VenueError`
    for one that it has halted, `UsageError` for one that is spelled in two ways: its orders and
    fills would be told of one of them only.
    """
    tradable = [name for name, market in markets.items() if _is_kind_of_ours(market)]
    found: dict[str, str] = {}
    spelled: dict[str, str] = {}
    for symbol in wanted:
        unified = found[symbol] = _one(symbol, tradable, markets, title)
        first = spelled.setdefault(unified, symbol)
        if first != symbol:
            raise UsageError(
                f"{first} and {symbol} are one market of {title}, {unified}",
                remedy="spell it the same everywhere",
            )
    return found


def _one(
    symbol: str, tradable: list[str], markets: Mapping[str, Mapping[str, object]], title: str
) -> str:
    found = match(symbol.partition("@")[0], tradable)
    if found is None:
        raise _not_found(symbol, tradable, title)
    if markets[found].get("active") is False:
        raise VenueError(
            f"{title} has halted {found}: it takes no orders now",
            remedy="wait until it trades again, or take another symbol",
        )
    return found


def _is_kind_of_ours(market: Mapping[str, object]) -> bool:
    """Spot and perpetuals or futures in one of their own currencies; no options."""
    return market.get("option") is not True and bool(market.get("spot") or market.get("contract"))


def _not_found(symbol: str, tradable: list[str], title: str) -> NotFoundError:
    by_letters = {canonical(name): name for name in reversed(tradable)}
    letters = get_close_matches(canonical(symbol), by_letters, n=_NEAREST, cutoff=0.5)
    near = ", ".join(by_letters[each] for each in letters)
    return NotFoundError(
        f"{title} has no market {symbol!r} that is one and no other",
        remedy=f"did you mean {near}?" if near else "alphaforge exchange markets VENUE lists them",
    )
