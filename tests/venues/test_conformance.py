"""Both fake venues keep every promise of the Venue protocol: in this process and over a socket."""

from collections.abc import AsyncGenerator, Generator
from contextlib import suppress
from decimal import Decimal
from itertools import count
from pathlib import Path

import pytest

from alphaforge.errors import OutcomeUnknownError
from alphaforge.model.claims import OrderStatusReport
from alphaforge.model.commands import SubmitOrder
from alphaforge.model.enums import OrderSide
from alphaforge.venues.base import NS_PER_SECOND as SECOND
from tests.fake_venue.admin import Admin, serving
from tests.fake_venue.client import SocketVenue
from tests.fake_venue.exchange import Exchange
from tests.fake_venue.inline import InlineVenue
from tests.fake_venue.terms import spot
from tests.fake_venue.wire import Faults
from tests.venues.conformance import Control, Rig, VenueConformance

START = 1_723_075_200 * SECOND
FUNDS = {"BTC": Decimal(2), "USDT": Decimal(100_000)}
LOW, HIGH = Decimal(50_000), Decimal(70_000)


def rig_of(venue: InlineVenue | SocketVenue, control: Control) -> Rig:
    away = {OrderSide.BUY: LOW, OrderSide.SELL: HIGH}
    through = {OrderSide.BUY: HIGH, OrderSide.SELL: LOW}
    return Rig(venue, control, "BTC/USDT", Decimal("0.0003"), away, through)


class InlineControl:
    """Moves the clock."""

    def __init__(self) -> None:
        exchange = Exchange([spot("BTC/USDT", "60000")], {"main": FUNDS}, seed=3, start=START)
        self.now = START
        self.venue = InlineVenue(exchange, "main", lambda: self.now)

    async def go_on(self) -> None:
        self.now += SECOND // 4
        self.venue.pump()

    async def by_hand(self, terms: SubmitOrder) -> OrderStatusReport:
        return self.venue.exchange.submit("main", terms, self.now)

    async def fall_silent(self) -> None:
        pytest.skip("inside one process every request is answered")

    async def cut(self) -> None:
        self.venue.gap("cut")


class SocketControl:
    """Asks the server's back door."""

    def __init__(self, admin: Admin, venue: SocketVenue) -> None:
        self.admin = admin
        self.venue = venue

    async def go_on(self) -> None:
        """The server's market goes by the clock."""

    async def by_hand(self, terms: SubmitOrder) -> OrderStatusReport:
        return self.admin.submit(self.venue.account, terms)

    async def fall_silent(self) -> None:
        self.admin.faults(self.venue.account, Faults(drop_reply=1))

    async def cut(self) -> None:
        self.admin.faults(self.venue.account, Faults(cut_before=1))
        with suppress(OutcomeUnknownError):
            await self.venue.balances()
        self.admin.faults(self.venue.account, Faults())


@pytest.fixture(scope="module")
def admin(tmp_path_factory: pytest.TempPathFactory) -> Generator[Admin]:
    """One server process for all tests; every test has an account of its own."""
    with serving(Path(tmp_path_factory.mktemp("venue")) / "s") as admin:
        yield admin


ACCOUNTS = count()


class TestInlineVenue(VenueConformance):
    @pytest.fixture
    async def rig(self) -> Rig:
        control = InlineControl()
        await control.venue.connect()
        return rig_of(control.venue, control)


class TestSocketVenue(VenueConformance):
    @pytest.fixture
    async def rig(self, admin: Admin) -> AsyncGenerator[Rig]:
        account = f"account-{next(ACCOUNTS)}"
        admin.open_account(account, FUNDS)
        venue = SocketVenue(admin.path, account, timeout_s=0.5)
        await venue.connect()
        yield rig_of(venue, SocketControl(admin, venue))
        await venue.close()
