"""How a file's own symbol, `btcusdt` or `BTCUSD_PERP`, takes the spelling a strategy uses.

Matching ignores letter case, separators and an `@venue`, and a `:SETTLE` where that is not
ambiguous. Pure text: nothing here may look at a file.
"""

import re
from collections.abc import Iterable

QUOTE_CURRENCIES = (
    "FDUSD", "USDT", "USDC", "TUSD", "BUSD", "USD", "EUR", "GBP", "JPY", "AUD", "BRL", "TRY",
    "DAI", "BTC", "ETH", "BNB",
)  # fmt: skip
"""Suffixes a joined symbol is split at, the longer ones before their own endings."""

_CRYPTO_QUOTES = ("USDT", "USDC", "USD", "EUR", "BTC")
_SHORTEST_CRYPTO = 6
_SHORTEST_BASE = 2


def canonical(symbol: str) -> str:
    """Upper-case letters and digits only, without `@venue`: `btc-usdt@kraken` → `BTCUSDT`."""
    return re.sub(r"[^A-Z0-9]", "", symbol.partition("@")[0].upper())


def without_settle(symbol: str) -> str:
    """Canonical, and without `:SETTLE` or a trailing PERP: `BTC/USD:BTC` → `BTCUSD`."""
    name = symbol.partition("@")[0].partition(":")[0].upper()
    return canonical(re.sub(r"[-_/]?PERP$", "", name))


def match(own: str, wanted: Iterable[str]) -> str | None:
    """The one of `wanted` that means the file's `own` symbol; None when none or several do.

    Tried in this order: the same text, the same letters, the same without `:SETTLE`, and, for a
    bare base such as the `BTC` of a `BTC:close` column, the only wanted symbol with that base.
    """
    names = list(dict.fromkeys(wanted))
    if own in names:
        return own
    for same in (_same_letters, _same_but_settle, _same_base):
        found = [name for name in names if same(own, name)]
        if len(found) == 1:
            return found[0]
    return None


def _same_letters(own: str, name: str) -> bool:
    return canonical(own) == canonical(name)


def _same_but_settle(own: str, name: str) -> bool:
    return without_settle(own) == without_settle(name)


def _same_base(own: str, name: str) -> bool:
    return canonical(own) == canonical(name.partition("/")[0]) and "/" in name


def split(symbol: str) -> tuple[str, str] | None:
    """Base and quote, `("BTC", "USDT")`, or None where no known quote currency ends the name."""
    name = symbol.partition("@")[0].partition(":")[0].upper()
    base, slash, quote = name.partition("/")
    if slash:
        return base, quote
    joined = without_settle(symbol)
    for ending in QUOTE_CURRENCIES:
        base = joined.removesuffix(ending)
        if base != joined and len(base) >= _SHORTEST_BASE:
            return base, ending
    return None


def spelled(own: str) -> str:
    """A file's symbol where nobody asked for it: `btcusdt` → `BTC/USDT`, `spy` → `SPY`."""
    parts = split(own)
    return f"{parts[0]}/{parts[1]}" if parts else own.upper()


def is_crypto_name(name: str) -> bool:
    """LEAN's file names: six or more letters ending in USD, USDT, USDC, EUR or BTC."""
    return len(name) >= _SHORTEST_CRYPTO and name.upper().endswith(_CRYPTO_QUOTES)
