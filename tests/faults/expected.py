"""What each cell of the matrix must show: one table, declared, compared word by word.

An outcome proves one of three things about a request that writes, whatever ccxt makes of it: it
was refused, nothing at all, or that it was taken. What is not known is asked for, and ends where
the exchange says that it stands. A question is asked again until its answer can be read. Must
never be filled in from what a run showed without a reason for it.
"""

from enum import StrEnum


class Told(StrEnum):
    """What an outcome says of the request, and what is true."""

    REFUSED = "refused, in a code that proves it"
    SLOWED = "too fast: nothing was done"
    LOST = "no word that proves anything; it had no effect"
    UNHEARD = "no word that proves anything; it took effect"
    TAKEN = "an answer that can be read in spite of what is odd about it"
    KNOWN = "the venue has that client id already"


_TOLD: dict[str, Told] = {
    "400": Told.REFUSED,
    "401": Told.REFUSED,
    "403, a page": Told.LOST,
    "404": Told.LOST,
    "409 duplicate id": Told.LOST,
    "418 ban, 2 s": Told.SLOWED,
    "429, Retry-After": Told.SLOWED,
    "429, without": Told.SLOWED,
    "500 before the effect": Told.LOST,
    "500 after the effect": Told.UNHEARD,
    "502, a page": Told.UNHEARD,
    "503": Told.LOST,
    "time-out before the effect": Told.LOST,
    "time-out after the effect": Told.UNHEARD,
    "200, an error inside": Told.LOST,
    "200, empty": Told.UNHEARD,
    "200, cut off": Told.UNHEARD,
    "200, no JSON": Told.UNHEARD,
    "200, 2,000 brackets": Told.UNHEARD,
    "unknown fields": Told.TAKEN,
    "unknown words": Told.UNHEARD,
    "numbers for texts": Told.TAKEN,
    "exponents": Told.TAKEN,
    "NaN": Told.UNHEARD,
    "empty numbers": Told.TAKEN,
    "null numbers": Told.TAKEN,
    "a row missing": Told.TAKEN,
    "a row twice": Told.TAKEN,
    "as old as an answer may be": Told.TAKEN,
}
"""By variant; where a call makes a difference, `_EXCEPTIONS` says so."""

_EXCEPTIONS: dict[tuple[str, str], Told] = {
    ("create", "409 duplicate id"): Told.KNOWN,
    # Bybit's answer to a change holds ids and nothing else: no words, no numbers.
    ("replace", "unknown words"): Told.TAKEN,
    ("replace", "NaN"): Told.TAKEN,
    # No words that we read.
    ("trades", "unknown words"): Told.TAKEN,
    ("balance", "unknown words"): Told.TAKEN,
    ("positions", "unknown words"): Told.TAKEN,
    # An amount that is not told is no amount: a balance, a trade or a position needs one, the
    # list of open orders says that an order lives, and its look-up the rest.
    ("trades", "empty numbers"): Told.LOST,
    ("trades", "null numbers"): Told.LOST,
    ("balance", "empty numbers"): Told.LOST,
    ("balance", "null numbers"): Told.LOST,
    ("positions", "empty numbers"): Told.LOST,
    ("positions", "null numbers"): Told.LOST,
    ("markets", "empty numbers"): Told.LOST,
    ("markets", "null numbers"): Told.LOST,
    # ccxt gives two rows of one symbol as two positions: an account in hedge mode, it seems.
    ("positions", "a row twice"): Told.LOST,
}

_LIVES: dict[str, dict[Told, str]] = {
    "create": {
        Told.REFUSED: "rejected",
        Told.SLOWED: "rejected",
        Told.LOST: "in doubt, absent",
        Told.UNHEARD: "in doubt, accepted",
        Told.TAKEN: "accepted",
        Told.KNOWN: "accepted, in doubt, accepted, certain",
    },
    "cancel": {
        Told.REFUSED: "cancel refused, in doubt, certain",
        Told.SLOWED: "cancel refused",
        Told.LOST: "in doubt, cancel refused",
        Told.UNHEARD: "in doubt, canceled",
        Told.TAKEN: "canceled",
    },
    "replace": {
        Told.REFUSED: "change refused, in doubt, certain",
        Told.SLOWED: "change refused",
        Told.LOST: "in doubt, change refused",
        Told.UNHEARD: "in doubt, changed",
        Told.TAKEN: "changed",
    },
}
"""What an order goes through. "Refused" of a cancel or a change: it did not take effect."""

ASKED_AGAIN, AS_IT_IS = "asked again", "taken as it is"
FOUND = "in doubt, accepted"
"""Of a look-up, whatever becomes of it: the order stays in doubt until an answer shows it."""

HALTED = "no start: Binance has halted BTC/USDT: it takes no orders now"
"""A market whose state is a word nobody knows is not traded: the run does not begin."""


def told(call: str, variant: str) -> Told:
    """What an outcome says to a call."""
    return _EXCEPTIONS.get((call, variant), _TOLD[variant])


def expected(call: str, variant: str) -> str:
    """The path of a cell."""
    if call in _LIVES:
        return _LIVES[call][told(call, variant)]
    if call == "query":
        return FOUND
    if call == "markets" and variant == "unknown words":
        return HALTED
    return AS_IT_IS if told(call, variant) is Told.TAKEN else ASKED_AGAIN
