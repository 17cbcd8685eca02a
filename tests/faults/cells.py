"""The cells of the matrix: a known thing is done, a request of it goes wrong, all is compared.

A cell that writes (`create`, `cancel`, `replace`) does so once, and what became of the order is
its result. A cell that reads makes a reconciliation necessary, hides a fill from the streams
meanwhile, and has the read go wrong twice. Must hold no expectation: `expected.py` does.
"""

import asyncio
import tempfile
from collections.abc import Callable
from contextlib import suppress
from decimal import Decimal
from pathlib import Path
from typing import Any, NamedTuple

from alphaforge.errors import AlphaForgeError, NotFoundError, VenueError
from alphaforge.model.orders import Order
from alphaforge.sandbox.fault_terms import Fault, FaultKind, Moment
from alphaforge.sandbox.tls import Certificates
from tests.faults.books import differences, life_of
from tests.faults.outcomes import CALLS, DIALECTS, VARIANTS, Variant
from tests.faults.stage import Stage, Terms, stage
from tests.venues.local import ACCOUNT, LocalExchange

NEAR = "0.997"
"""Where an order rests that is to be filled in part."""


class Cell(NamedTuple):
    """One call with one variant of an outcome."""

    call: str
    variant: Variant

    @property
    def name(self) -> str:
        """As the command line knows it."""
        return f"{self.call}: {self.variant.number} {self.variant.name}"

    @property
    def dialect(self) -> str:
        """On which it is played."""
        return DIALECTS.get(self.call, "binance")


class Result(NamedTuple):
    """What a cell showed.

    Attributes:
        path: What the order went through, or what became of the question, in words.
        wrong: What differs from the exchange's books, or did not end.
        struck: How often the fault did.
        seconds: From the fault until all had settled.
    """

    cell: str
    path: str = ""
    wrong: tuple[str, ...] = ()
    struck: int = 0
    seconds: float = 0.0


ALL = tuple(Cell(call, variant) for call in CALLS for variant in VARIANTS)

_WORDS = {
    "outcome_unknown": "in doubt",
    "state_unknown": "in doubt",
    "doubt_resolved": "certain",
    "absence_proved": "absent",
    "cancel_rejected": "cancel refused",
    "modify_rejected": "change refused",
    "modified": "changed",
}
_FIRST = {"create": "submitted", "query": "submitted", "cancel": "cancel_requested"}
_REFUSED_TO_START = (NotFoundError, VenueError)


async def play(cell: Cell, made: Certificates) -> Result:
    """Play one cell on an exchange of its own."""
    with tempfile.TemporaryDirectory(prefix="alphaforge-faults-") as folder:
        playing = _Playing(cell)
        terms = Terms(cell.dialect, playing.begin if cell.call == "markets" else None)
        try:
            async with stage(made, Path(folder), terms) as set_up:
                await playing.play(set_up)
            found = differences(set_up, is_over=True)
        except TimeoutError:
            return Result(cell.name, wrong=(f"stuck: {playing.doing}",), struck=playing.struck)
        except _REFUSED_TO_START as error:
            return playing.refused(error)
        except (AlphaForgeError, AssertionError, ExceptionGroup) as error:
            died = f"died: {playing.doing}: {type(error).__name__}: {error}"
            return Result(cell.name, wrong=(died,), struck=playing.struck)
        return playing.result(set_up, found)


class _Playing:
    """One cell while it is played.

    Attributes:
        doing: What is being done or waited for, for whoever reads that it stuck.
        struck: How often the fault did.
    """

    def __init__(self, cell: Cell) -> None:
        self.doing = "start"
        self.struck = 0
        self._cell = cell
        self._order: Order | None = None
        self._began = self._ended = 0.0
        self._was_open = False

    def begin(self, local: LocalExchange) -> None:
        """Before the session: the fault strikes while it starts."""
        self._began = asyncio.get_running_loop().time()
        local.faults.add(self._fault)

    @property
    def _fault(self) -> Fault:
        return self._cell.variant.fault(self._cell.call, self._cell.dialect)

    async def play(self, set_up: Stage) -> None:
        """Something healthy, the fault, calm, something healthy again."""
        clock = asyncio.get_running_loop().time
        call = self._cell.call
        self.doing = "a market order"
        if call != "markets":
            await set_up.take()
            self._began = clock()
        acts = {"create": self._create, "cancel": self._cancel, "replace": self._replace}
        acts |= {"query": self._query, "markets": self._nothing}
        await acts.get(call, self._read)(set_up)
        self.doing = "until nothing is in doubt"
        await self._calm(set_up)
        self._ended = clock()
        self.struck = set_up.local.faults.injected[self._fault.kind]
        self._was_open = self._order is not None and self._order.is_open
        set_up.local.faults.clear()
        self.doing = "a market order after it all"
        await set_up.take()
        await set_up.do(lambda hand: hand.cancel_all())
        self.doing = "the end of every order"
        await self._clean(set_up)

    async def _calm(self, set_up: Stage) -> None:
        """Until nothing is in doubt; a read must have been asked, and an old one is old no more."""
        is_old = self._fault.kind is FaultKind.STALE
        faults = set_up.local.faults
        await set_up.until(lambda: not (is_old and faults.has(FaultKind.STALE)))
        await set_up.until(lambda: not set_up.is_left_alone)
        await set_up.settled()

    async def _clean(self, set_up: Stage) -> None:
        """No order open, nothing in doubt, and both books say so."""
        exchange = set_up.local.exchange
        await set_up.until(
            lambda: (
                set_up.is_settled
                and not exchange.open_orders(ACCOUNT)
                and not set_up.engine.execution.orders
            )
        )
        with suppress(TimeoutError):  # what still differs then is told, one by one
            await set_up.until(lambda: not differences(set_up), 10)

    # Requests ---------------------------------------------------------------------------------

    def _strike(self, set_up: Stage) -> None:
        """From now on; no stream tells what the answer does not."""
        faults = set_up.local.faults
        faults.add(Fault(kind=FaultKind.SILENT, private=True))
        faults.add(self._fault)

    async def _create(self, set_up: Stage) -> None:
        self._strike(set_up)
        self.doing = "an order whose request goes wrong"
        self._order = await self._through(set_up, set_up.buys)

    async def _cancel(self, set_up: Stage) -> None:
        self._order = order = await set_up.rest()
        self._strike(set_up)
        self.doing = "a cancel that goes wrong"
        await self._through(set_up, lambda hand: hand.cancel(order))

    async def _replace(self, set_up: Stage) -> None:
        self._order = order = await set_up.rest()
        self._strike(set_up)
        self.doing = "a change that goes wrong"
        limit = set_up.price("0.965")
        await self._through(set_up, lambda hand: hand.modify(order, limit=limit))

    async def _through(self, set_up: Stage, verb: Callable[[Any], Any]) -> Any:
        """Do it, and wait until its request has come back, whatever with."""
        before = _requests(set_up, self._cell.call)
        answer = await set_up.do(verb)
        await set_up.until(lambda: _requests(set_up, self._cell.call) > before)
        return answer

    # Questions --------------------------------------------------------------------------------

    async def _query(self, set_up: Stage) -> None:
        """An order without an answer: the look-up that finds it goes wrong."""
        faults = set_up.local.faults
        faults.add(Fault(kind=FaultKind.DROP, call="create", when=Moment.AFTER, times=1))
        self._strike(set_up)
        self.doing = "an order whose answer is lost"
        self._order = await set_up.do(set_up.buys)
        await set_up.until(lambda: _requests(set_up, "query") > 0)

    async def _read(self, set_up: Stage) -> None:
        """Fills that no stream tells, and a gap after which everything is asked."""
        faults, call = set_up.local.faults, self._cell.call
        order = await set_up.rest(NEAR)
        asked = _requests(set_up, call)
        silent = faults.add(Fault(kind=FaultKind.SILENT, private=True))
        self.doing = "fills that no stream tells"
        for share in ("0.25", "0.5"):
            fill(set_up, order, Decimal(share))
        faults.add(self._fault)
        faults.clear(silent)
        set_up.local.acts.act(Fault(kind=FaultKind.CUT, private=True), set_up.local.clock.now())
        self.doing = "until it was asked"
        await set_up.until(lambda: _requests(set_up, call) > asked)

    async def _nothing(self, set_up: Stage) -> None:
        """The fault struck while the session started."""

    # The result -------------------------------------------------------------------------------

    def result(self, set_up: Stage, wrong: list[str]) -> Result:
        """What it showed."""
        call = self._cell.call
        if self._order is not None:
            path = self._life(life_of(set_up.store, self._order.order_id))
        else:
            failed = [type(each).__name__ for each in set_up.venue.failures[call]]
            path = "asked again" if failed else "taken as it is"
        seconds = self._ended - self._began
        return Result(self._cell.name, path, tuple(wrong), self.struck, seconds)

    def refused(self, error: AlphaForgeError) -> Result:
        """The session did not begin, and said why."""
        is_start = self.doing == "start" and self._cell.call == "markets"
        wrong = () if is_start else (f"died: {self.doing}: {type(error).__name__}: {error}",)
        return Result(self._cell.name, f"no start: {error.message}", wrong, self.struck)

    def _life(self, kinds: list[str]) -> str:
        """What the order went through from the request that went wrong until all was certain."""
        first = _FIRST.get(self._cell.call, "modify_requested")
        life = kinds[kinds.index(first) + 1 :]
        if self._was_open:  # the cell's own cancel, at its end
            last = len(life) - 1 - life[::-1].index("cancel_requested")
            life = life[:last]
        return ", ".join(_WORDS.get(each, each) for each in life)


def _requests(set_up: Stage, call: str) -> int:
    """How many calls of one kind have ended."""
    return set_up.venue.answers[call] + len(set_up.venue.failures[call])


def fill(set_up: Stage, order: Order, share: Decimal) -> None:
    """Somebody sells into our order, and into all that stands before it."""
    exchange, symbol = set_up.local.exchange, set_up.symbol
    theirs = exchange.order(ACCOUNT, symbol, client_order_id=order.client_order_id)
    set_up.local.acts._fill(theirs, share, set_up.local.clock.now())
