"""Profit and loss of a run's fills by day, hour, strategy or symbol: sums of what was booked.

Exact: nothing is rounded and nothing is marked. Fees count in the settle currency of their symbol,
those paid in its base at the fill's price; one in a third currency is told apart. Must book
nothing.
"""

from collections.abc import Callable, Iterable, Mapping
from decimal import Decimal
from typing import Final, NamedTuple

from alphaforge.engine.base_fees import in_settle
from alphaforge.model.instrument import Instrument
from alphaforge.model.numbers import EXACT, ZERO
from alphaforge.store.export import iso_time
from alphaforge.store.records import FillRow

_DAY, _HOUR, _MINUTES = 10, 13, ":00"


class Group(NamedTuple):
    """One line; money is in `currency`.

    Attributes:
        realized_pnl: Gross of fees.
        net_pnl: Less fees.
        other_fees: Paid in currencies that are not the symbol's.
    """

    key: str
    currency: str
    fills: int
    realized_pnl: Decimal
    fees: Decimal
    net_pnl: Decimal
    other_fees: dict[str, Decimal]


def _by_day(fill: FillRow) -> str:
    return iso_time(fill.ts)[:_DAY]


def _by_hour(fill: FillRow) -> str:
    return iso_time(fill.ts)[:_HOUR].replace("T", " ") + _MINUTES


def _by_strategy(fill: FillRow) -> str:
    return fill.strategy


def _by_symbol(fill: FillRow) -> str:
    return fill.symbol


WAYS: Final[dict[str, Callable[[FillRow], str]]] = {
    "day": _by_day,
    "hour": _by_hour,
    "strategy": _by_strategy,
    "symbol": _by_symbol,
}


def group_fills(
    fills: Iterable[FillRow], instruments: Mapping[str, Instrument], way: str
) -> list[Group]:
    """Fills summed by one of `WAYS` and by currency, in the order of their keys."""
    key_of = WAYS[way]
    sums: dict[tuple[str, str], _Sum] = {}
    for fill in fills:
        instrument = instruments.get(fill.symbol)
        currency = instrument.settle if instrument is not None else fill.fee_currency
        sums.setdefault((key_of(fill), currency), _Sum()).add(fill, instrument)
    return [each.group(*key) for key, each in sorted(sums.items())]


class _Sum:
    def __init__(self) -> None:
        self.fills = 0
        self.realized = ZERO
        self.fees = ZERO
        self.others: dict[str, Decimal] = {}

    def add(self, fill: FillRow, instrument: Instrument | None) -> None:
        self.fills += 1
        self.realized = EXACT.add(self.realized, fill.realized_pnl)
        fee = fill.fee
        if instrument is not None:
            fee = in_settle(instrument, fill.fee, fill.fee_currency, fill.price)
        if fill.fee and not fee:
            before = self.others.get(fill.fee_currency, ZERO)
            self.others[fill.fee_currency] = EXACT.add(before, fill.fee)
        self.fees = EXACT.add(self.fees, fee)

    def group(self, key: str, currency: str) -> Group:
        net = EXACT.subtract(self.realized, self.fees)
        return Group(key, currency, self.fills, self.realized, self.fees, net, self.others)
