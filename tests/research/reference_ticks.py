"""The second simulation's tick data: trades, quotes, or both; see `reference`."""

from collections.abc import Sequence
from decimal import Decimal
from typing import NamedTuple

from tests.research.reference import Account, Script, Waiting


class Tick(NamedTuple):
    """A trade (`ask` is None, `bid` its price) or a quote."""

    ts: int
    bid: Decimal
    ask: Decimal | None = None


def on_ticks(ticks: Sequence[Tick], script: Script, account: Account) -> None:
    """Run a script whose entry i is decided on tick i."""
    last = bid = ask = None
    only_quotes = all(tick.ask is not None for tick in ticks)
    for i, tick in enumerate(ticks):
        account.expire(tick.ts)
        if tick.ask is None:
            last = tick.bid
        else:
            bid, ask = tick.bid, tick.ask
        market = {1: last if ask is None else ask, -1: last if bid is None else bid}
        signal = market if only_quotes else {1: last, -1: last}
        here = {side: price * side for side, price in market.items() if price is not None}
        wake = {side: price * side for side, price in signal.items() if price is not None}
        for order in account.waiting[:]:
            if not order.over:
                meet_tick(account, order, tick.ts, here, wake)
        for action in script.get(i, ()):
            order = account.decide(action, tick.bid)
            if order is not None:
                meet_tick(account, order, tick.ts, here, wake)


def meet_tick(
    account: Account, order: Waiting, ts: int, here: dict[int, Decimal], wake: dict[int, Decimal]
) -> None:
    """Let an order meet the market as it stands; its legs follow at once."""
    side, arrives, order.fresh = order.ask.side, order.fresh, False
    if order.stop is not None:
        if side not in wake or wake[side] < order.stop:
            return
        order.stop, arrives = None, True
    price = here[side]
    crosses = order.limit is None or price <= order.limit
    if crosses and not (arrives and order.ask.post_only):
        at = price if arrives or order.limit is None else order.limit
        legs = account.fill(order, ts, at, "TAKER" if arrives else "MAKER")
        for leg in legs:
            if not leg.over:
                meet_tick(account, leg, ts, here, wake)
    elif crosses or (arrives and order.ask.tif != "GTC"):
        account.end(order)
