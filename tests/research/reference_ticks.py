"""The second simulation's tick data: trades, quotes, or both; see `reference`."""

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import NamedTuple

from tests.research.reference import Account, Script, Waiting


class Tick(NamedTuple):
    """A trade (`ask` is None, `bid` its price) or a quote."""

    ts: int
    bid: Decimal
    ask: Decimal | None = None


@dataclass
class Market:
    """What is known of the market; prices for a side are mirrored like its orders."""

    only_quotes: bool
    last: Decimal | None = None
    bid: Decimal | None = None
    ask: Decimal | None = None

    def take(self, tick: Tick) -> None:
        if tick.ask is None:
            self.last = tick.bid
        else:
            self.bid, self.ask = tick.bid, tick.ask

    def here(self, side: int) -> Decimal:
        quoted = self.ask if side > 0 else self.bid
        price = self.last if quoted is None else quoted
        assert price is not None, "scripts begin once there is a price"
        return price * side

    def wake(self, side: int) -> Decimal | None:
        if self.only_quotes:
            return self.here(side)
        return None if self.last is None else self.last * side


def on_ticks(ticks: Sequence[Tick], script: Script, account: Account, latency: int = 0) -> None:
    """Run a script whose entry i is decided on tick i and reaches the market `latency` ns later."""
    market = Market(only_quotes=all(tick.ask is not None for tick in ticks))
    under_way: list[tuple[int, Script, int]] = []
    for i, tick in enumerate(ticks):
        while under_way and under_way[0][0] <= tick.ts:
            arrive(account, market, *under_way.pop(0))
        account.expire(tick.ts)
        market.take(tick)
        for order in account.waiting[:]:
            if not order.over:
                meet_tick(account, order, tick.ts, market)
        if latency:
            under_way.append((tick.ts + latency, script, i))
        else:
            arrive(account, market, tick.ts, script, i)


def arrive(account: Account, market: Market, ts: int, script: Script, i: int) -> None:
    """Let what was decided on tick i meet the market as it stands at `ts`."""
    for action in script.get(i, ()):
        account.expire(ts)
        order = account.decide(action, market.here(1))
        if order is not None:
            meet_tick(account, order, ts, market)


def meet_tick(account: Account, order: Waiting, ts: int, market: Market) -> None:
    """Let an order meet the market as it stands; its legs follow at once."""
    side, arrives, order.fresh = order.ask.side, order.fresh, False
    if order.stop is not None:
        reached = market.wake(side)
        if reached is None or reached < order.stop:
            return
        order.stop, arrives = None, True
    price = market.here(side)
    crosses = order.limit is None or price <= order.limit
    if crosses and not (arrives and order.ask.post_only):
        at = price if arrives or order.limit is None else order.limit
        for leg in account.fill(order, ts, at, "TAKER" if arrives else "MAKER"):
            if not leg.over:
                meet_tick(account, leg, ts, market)
    elif crosses or (arrives and order.ask.tif != "GTC"):
        account.end(order)
