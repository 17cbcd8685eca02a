"""The adapter keeps every promise of the Venue protocol, against the built-in exchange."""

from collections.abc import AsyncGenerator
from decimal import Decimal

import pytest

from alphaforge.model.claims import OrderStatusReport
from alphaforge.model.commands import SubmitOrder
from alphaforge.model.enums import OrderSide
from alphaforge.sandbox.fault_terms import FaultKind, Moment
from alphaforge.sandbox.tls import Certificates
from alphaforge.venues.ccxt_profiles import profile_of
from alphaforge.venues.ccxt_venue import CcxtVenue
from tests.venues.conformance import Rig, VenueConformance
from tests.venues.local import LocalExchange, local_exchange

SYMBOL = "BTC/USDT"
LOW, HIGH = Decimal(50_000), Decimal(70_000)


class LocalControl:
    """Goes through the exchange's back doors."""

    def __init__(self, local: LocalExchange, venue: CcxtVenue) -> None:
        self.local = local
        self.venue = venue

    async def go_on(self) -> None:
        """Its market goes by the clock."""

    async def by_hand(self, terms: SubmitOrder) -> OrderStatusReport:
        assert terms.limit_price is not None
        before = {each.venue_order_id for each in await self.venue.open_orders()}
        self.local.by_hand(terms.side, terms.limit_price, terms.quantity, SYMBOL)
        (placed,) = [
            each for each in await self.venue.open_orders() if each.venue_order_id not in before
        ]
        return placed

    async def fall_silent(self) -> None:
        self.local.fault(FaultKind.HANG, when=Moment.AFTER)

    async def cut(self) -> None:
        self.local.fault(FaultKind.CUT)


async def local_rig(made: Certificates, ccxt_id: str) -> AsyncGenerator[Rig]:
    async with local_exchange(made) as local:
        venue = CcxtVenue(local.access(ccxt_id), profile_of(ccxt_id), name=ccxt_id, wanted=[SYMBOL])
        await venue.connect()
        away = {OrderSide.BUY: LOW, OrderSide.SELL: HIGH}
        through = {OrderSide.BUY: HIGH, OrderSide.SELL: LOW}
        try:
            control = LocalControl(local, venue)
            ways = (SYMBOL, Decimal("0.0003"), away, through)
            yield Rig(venue, control, *ways, has_books=True, has_bars=True)
        finally:
            await venue.close()


class TestBinanceLocal(VenueConformance):
    @pytest.fixture
    async def rig(self, made: Certificates) -> AsyncGenerator[Rig]:
        async for rig in local_rig(made, "binance"):
            yield rig


class TestBybitLocal(VenueConformance):
    @pytest.fixture
    async def rig(self, made: Certificates) -> AsyncGenerator[Rig]:
        async for rig in local_rig(made, "bybit"):
            yield rig
