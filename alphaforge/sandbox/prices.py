"""Where each market's price would like to be: a seeded log price that moves through regimes.

Agents quote and trade around it; the tape is what they make of it. A path depends on the seed and
its own symbol alone. A perpetual follows the path of its spot market with a small basis of its
own, and a cross of two listed currencies is the ratio of their paths, so that no two markets
contradict each other. Must never look at the exchange.
"""

import math
from enum import StrEnum
from random import Random
from typing import Protocol
from zlib import crc32

from alphaforge.sandbox.terms import Listing

STEP_NS = 100_000_000
"""A path moves in steps of so much of its own time."""

_STEP = STEP_NS / 1_000_000_000
_ROOT_STEP = math.sqrt(_STEP)
_QUIET = 0.00003
"""Standard deviation of the log price over one second, in the quietest regime."""
_TREND = 0.00015
"""Log price per second in an ordinary trend."""
_FIRST_TREND = 0.00024
_FIRST_SECONDS = 12.0
_HOME = 0.0005
"""Share of its distance from where it began that the log price goes back each second."""
_PULL = 0.15
"""The same towards the regime's own level, while a market reverts to a mean."""
_SHORTEST, _LONGEST = 6.0, 14.0
"""Seconds a trend lasts; what comes between two trends lasts half as long."""
_OFTEN = 0.8
"""How often a trend is followed by its opposite at once."""
_BASIS = 0.0004
"""Reach of a perpetual's distance from spot, as a share of the price."""


class Regime(StrEnum):
    """How a market behaves for a while."""

    CALM = "CALM"
    UP = "UP"
    DOWN = "DOWN"
    VOLATILE = "VOLATILE"
    REVERTING = "REVERTING"


_VOLATILITY = {
    Regime.CALM: 1.0,
    Regime.UP: 1.0,
    Regime.DOWN: 1.0,
    Regime.VOLATILE: 4.0,
    Regime.REVERTING: 2.0,
}
"""In units of the quietest."""


class Path(Protocol):
    """A price over time."""

    def at(self, elapsed_ns: int) -> float:
        """The price so long after the start; times may not go back by more than a step."""
        ...


class RegimePath:
    """One independent market.

    Attributes:
        regime: The present one.
    """

    def __init__(self, seed: int, symbol: str, first_price: float) -> None:
        # crc32 and not hash(): the same in every process.
        self._random = Random(f"{seed} {crc32(symbol.encode())} price")  # noqa: S311 - no secret
        self._home = self._level = self._log_price = math.log(first_price)
        self._price = first_price
        self._steps = 0
        # The first trend goes up at once: a fast average over a slow one buys within seconds.
        self.regime = self._trend = Regime.UP
        self._has_turned = False
        self._drift, self._volatility, self._left = _FIRST_TREND, _QUIET, _FIRST_SECONDS

    def at(self, elapsed_ns: int) -> float:
        """See `Path`."""
        steps = elapsed_ns // STEP_NS
        if steps > self._steps:
            for _ in range(steps - self._steps):
                self._step()
            self._steps = steps
            self._price = math.exp(self._log_price)
        return self._price

    def _step(self) -> None:
        self._left -= _STEP
        if self._left <= 0:
            self._change()
        pull = _HOME * (self._home - self._log_price)
        if self.regime is Regime.REVERTING:
            pull += _PULL * (self._level - self._log_price)
        self._log_price += (self._drift + pull) * _STEP
        self._log_price += self._random.gauss(0.0, self._volatility * _ROOT_STEP)

    def _change(self) -> None:
        """Mostly into the opposite trend, so that who follows trends has something to do."""
        random = self._random
        may_pause = self.regime is self._trend and self._has_turned
        self._has_turned = True
        self._left = random.uniform(_SHORTEST, _LONGEST)
        if may_pause and random.random() > _OFTEN:
            self.regime = random.choice((Regime.CALM, Regime.VOLATILE, Regime.REVERTING))
            self._drift, self._left = 0.0, self._left / 2
        else:
            self._trend = Regime.DOWN if self._trend is Regime.UP else Regime.UP
            sign = 1 if self._trend is Regime.UP else -1
            self.regime, self._drift = self._trend, sign * _TREND * random.uniform(1.0, 1.8)
        self._level = self._log_price
        self._volatility = _QUIET * _VOLATILITY[self.regime]


class BasisPath:
    """A perpetual: its spot's path, a little above or below it."""

    def __init__(self, spot: Path, seed: int, symbol: str) -> None:
        self._spot = spot
        self._phase = Random(f"{seed} {symbol} basis").uniform(0.0, 2 * math.pi)  # noqa: S311 - no secret

    def at(self, elapsed_ns: int) -> float:
        """See `Path`; the basis goes round once in about ten minutes and begins at nothing."""
        angle = elapsed_ns / 1e11
        wave = math.sin(angle + self._phase) - math.sin(self._phase)
        return self._spot.at(elapsed_ns) * (1 + _BASIS * wave / 2)


class CrossPath:
    """A cross: one path in units of another."""

    def __init__(self, base: Path, quote: Path) -> None:
        self._base = base
        self._quote = quote

    def at(self, elapsed_ns: int) -> float:
        """See `Path`."""
        return self._base.at(elapsed_ns) / self._quote.at(elapsed_ns)


_DOLLARS = frozenset({"USDT", "USDC", "USD", "FDUSD"})


def path_of(listing: Listing, seed: int, first_price: float) -> Path:
    """The path of a listing from a price on; the same seed gives the same, whatever else there is.

    A path is its first price times what has happened since, so a cross needs no price of its legs.
    """
    pair = f"{listing.base}/{listing.quote}"
    if listing.quote not in _DOLLARS:
        base = RegimePath(seed, f"{listing.base}/USDT", first_price)
        return CrossPath(base, RegimePath(seed, f"{listing.quote}/USDT", 1.0))
    spot = RegimePath(seed, pair, first_price)
    return spot if listing.symbol == pair else BasisPath(spot, seed, listing.symbol)
