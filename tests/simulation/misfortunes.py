"""What strikes the machine, the venue and the network as a whole, second by second.

A process is killed at a moment, or at the next time it does a certain thing: an intent is
committed, a request leaves, takes effect, is answered. Must never strike in the calm.
"""

import random
from collections.abc import Callable
from decimal import Decimal
from functools import partial
from typing import Any, Final, Protocol

from msgspec.structs import replace

from alphaforge.model.claims import FillReport, OrderStatusReport
from alphaforge.model.commands import SubmitOrder
from alphaforge.model.enums import OrderSide, OrderType
from alphaforge.venues.base import ReplyError
from tests.simulation.clock import SECOND, SimulatedClock
from tests.simulation.disk import Disk
from tests.simulation.faults import Faults
from tests.simulation.loop import VirtualLoop
from tests.simulation.network import FOREIGN, Network

MOMENTS: Final = ("leave", "take", "answer", "commit", "step")
"""Where an armed kill strikes."""


class Machine(Protocol):
    """What can be done to the computer the program runs on."""

    def die(self, *, power: bool) -> None:
        """The process ends without another instruction, or the whole machine does."""
        ...

    def freeze(self, seconds: float) -> None:
        """The process is stopped for so long."""
        ...

    def halt_trading(self, seconds: float) -> None:
        """An operator halts the program's trading for so long."""
        ...


class Misfortunes:
    """Draws once per second of virtual time.

    Attributes:
        began: The program has read the account: from now on others may trade on it too.
    """

    def __init__(
        self,
        loop: VirtualLoop,
        faults: Faults,
        network: Network,
        machine: Machine,
        parts: tuple[Disk, SimulatedClock],
        seed: int,
    ) -> None:
        self._loop = loop
        self._faults = faults
        self._network = network
        self._machine = machine
        self._disk, self._clock = parts
        self._random = random.Random(f"misfortunes-{seed}")
        self._armed: tuple[str, bool, int] | None = None
        self._at_commit: Callable[[], None] | None = None
        self._made = 0
        self.began = False
        self._strikes: dict[str, Callable[[], None]] = {
            "kill": lambda: self._aim("kill", power=False),
            "power_cut": lambda: self._aim("power_cut", power=True),
            "stop_cont": self._freeze,
            "halt_trading": self._halt_trading,
            "clock_jump": self._jump,
            "disk_full": self._fill_the_disk,
            "partition": self._cut,
            "stream_gap": self._lose_stream,
            "halt": self._halt,
            "bust": self._bust,
            "external_order": self._external,
            "foreign_claim": self._foreign,
        }

    def start(self) -> None:
        self._loop.outside(0.5, self._second)

    def _second(self) -> None:
        at = self._loop.time()
        for kind, strike in self._strikes.items():
            if self._faults.hits(kind, at):
                self._loop.outside(self._random.random(), self._if_active, strike)
        self._loop.outside(1.0, self._second)

    def _if_active(self, strike: Callable[[], None]) -> None:
        if self._faults.active:
            strike()

    # Deaths -----------------------------------------------------------------------------------

    def _aim(self, kind: str, *, power: bool) -> None:
        """Now, or at the n-th next moment of one kind."""
        choice = self._faults.pick(kind, 2 * len(MOMENTS))
        if choice >= len(MOMENTS):
            self._machine.die(power=power)
        else:
            self._armed = (MOMENTS[choice], power, 1 + self._faults.pick(kind, 4))

    def passes(self, moment: str) -> None:
        """The program does something at which it may be killed, or stopped."""
        if moment == "commit" and self._at_commit is not None and self._faults.active:
            strike, self._at_commit = self._at_commit, None
            strike()
        if self._armed is None or self._armed[0] != moment or not self._faults.active:
            return
        name, power, left = self._armed
        self._armed = (name, power, left - 1) if left > 1 else None
        if self._armed is None:
            self._machine.die(power=power)

    def _freeze(self) -> None:
        """Now, or between the commit of an intent and its sending."""
        seconds = self._faults.seconds("stop_cont", 0.2, 25.0)
        if self._faults.pick("stop_cont", 2):
            self._at_commit = partial(self._machine.freeze, seconds)
        else:
            self._machine.freeze(seconds)

    def _halt_trading(self) -> None:
        seconds = self._faults.seconds("halt_trading", 0.1, 4.0)
        self._at_commit = partial(self._machine.halt_trading, seconds)

    # Machine ----------------------------------------------------------------------------------

    def _jump(self) -> None:
        far = int(self._faults.seconds("clock_jump", 0.05, 7200.0) * SECOND)
        forward = self._faults.pick("clock_jump", 2)
        self._clock.jumped += far if forward else -far

    def _fill_the_disk(self) -> None:
        self._disk.full = True
        self._loop.outside(self._faults.seconds("disk_full", 0.2, 8.0), self._free_the_disk)

    def _free_the_disk(self) -> None:
        self._disk.full = False

    def _cut(self) -> None:
        self._network.cut(self._faults.seconds("partition", 0.2, 15.0))

    def _lose_stream(self) -> None:
        self._network.lose_stream(self._faults.seconds("stream_gap", 0.01, 4.0))

    # Venue ------------------------------------------------------------------------------------

    def _halt(self) -> None:
        exchange = self._network.exchange
        symbol = self._random.choice(list(exchange.listings))
        exchange.halt(symbol)
        self._loop.outside(self._faults.seconds("halt", 0.5, 10.0), exchange.resume, symbol)

    def _bust(self) -> None:
        network = self._network
        owner = network.exchange.accounts[network.account]
        standing = [
            each.trade_id for each in owner.trades[-20:] if each.trade_id not in owner.busted
        ]
        if not standing or not self.began:
            return
        try:
            network.exchange.bust(self._random.choice(standing), network.venue_now())
        except ReplyError:
            self._faults.counts["bust"] -= 1
        network.tick()

    def _external(self) -> None:
        """A person trades on the same account, by hand or with another program."""
        network, draw = self._network, self._random
        if not self.began:
            self._faults.counts["external_order"] -= 1
            return
        symbol = draw.choice(list(network.exchange.listings))
        rules = network.exchange.listings[symbol].instrument
        far = Decimal(draw.randint(-30, 30)) / 10_000
        price = network.exchange.listings[symbol].price * (1 + far)
        self._made += 1
        terms = SubmitOrder(
            order_id="",
            symbol=symbol,
            strategy="",
            side=draw.choice((OrderSide.BUY, OrderSide.SELL)),
            order_type=draw.choice((OrderType.LIMIT, OrderType.MARKET)),
            quantity=rules.quantity_step * draw.randint(100, 900),
            client_order_id="" if draw.random() < 0.5 else f"web-{self._made}",
        )
        if terms.order_type is OrderType.LIMIT:
            terms = replace(terms, limit_price=price.quantize(rules.price_step))
        try:
            network.exchange.submit(network.account, terms, network.venue_now())
        except ReplyError:
            self._faults.counts["external_order"] -= 1
        network.tick()

    def _foreign(self) -> None:
        """The stream tells of an account that is not ours."""
        network = self._network
        told: list[Any] = network.exchange.pushes(network.account)[-5:]
        for claim in told:
            self._made += 1
            if isinstance(claim, FillReport):
                trade_id = f"foreign-{self._made}"
                network.inject(replace(claim, account=FOREIGN, trade_id=trade_id))
            elif isinstance(claim, OrderStatusReport):
                name = f"foreign-{self._made}"
                network.inject(
                    replace(claim, account=FOREIGN, venue_order_id=name, client_order_id="")
                )
