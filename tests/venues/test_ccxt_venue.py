"""The adapter against the built-in exchange: bad keys and symbols, expiry, limits, checks, ends."""

import asyncio
from collections.abc import AsyncGenerator, Sequence
from contextlib import asynccontextmanager
from decimal import Decimal
from pathlib import Path

import pytest
from msgspec.structs import replace

from alphaforge.errors import (
    CredentialsError,
    InternalError,
    NotFoundError,
    OutcomeUnknownError,
    UsageError,
    VenueError,
    VenueUnavailableError,
)
from alphaforge.model.claims import VenueStatus
from alphaforge.model.commands import Approved, CancelOrder, SubmitOrder
from alphaforge.model.enums import OrderSide, OrderType
from alphaforge.sandbox import api_keys
from alphaforge.sandbox.api_keys import ApiKey
from alphaforge.sandbox.fault_terms import FaultKind, Moment
from alphaforge.sandbox.tls import Certificates
from alphaforge.venues.base import NS_PER_SECOND, ReplyError
from alphaforge.venues.ccxt_access import Access, Local, Network
from alphaforge.venues.ccxt_profiles import profile_of
from alphaforge.venues.ccxt_requests import check_numbers
from alphaforge.venues.ccxt_venue import CcxtVenue
from tests.venues.local import ACCOUNT, LocalExchange, local_exchange

SYMBOL = "BTC/USDT"
BOTH = pytest.mark.parametrize("ccxt_id", ["binance", "bybit"])


def venue_of(
    there: LocalExchange, ccxt_id: str, wanted: Sequence[str] = (SYMBOL,), **terms: object
) -> CcxtVenue:
    access = there.access(ccxt_id, **terms)
    return CcxtVenue(access, profile_of(ccxt_id), name="there", wanted=wanted)


@asynccontextmanager
async def connected(
    local: LocalExchange, ccxt_id: str, wanted: Sequence[str] = (SYMBOL,), **terms: object
) -> AsyncGenerator[CcxtVenue]:
    venue = venue_of(local, ccxt_id, wanted, **terms)
    await venue.connect()
    try:
        yield venue
    finally:
        await venue.close()


@pytest.fixture
async def local(made: Certificates) -> AsyncGenerator[LocalExchange]:
    async with local_exchange(made) as local:
        yield local


def resting(number: int = 1, symbol: str = SYMBOL) -> SubmitOrder:
    return SubmitOrder(
        order_id="",
        symbol=symbol,
        strategy="",
        side=OrderSide.BUY,
        order_type=OrderType.LIMIT,
        quantity=Decimal("0.001"),
        limit_price=Decimal(50_000),
        client_order_id=f"af0123456789abcd000001{number:010x}",
    )


async def submit(venue: CcxtVenue, terms: SubmitOrder, life_ns: int = 5 * NS_PER_SECOND) -> None:
    now = await venue.time()
    await venue.submit(Approved(terms, now), now + life_ns)


# Who and where ----------------------------------------------------------------------------------


@BOTH
@pytest.mark.parametrize("field", ["api_key", "secret"])
async def test_a_wrong_key_is_told_in_the_venues_words_and_never_shown(
    local: LocalExchange, ccxt_id: str, field: str
) -> None:
    wrong = "w" * 64
    async with asyncio.timeout(10):
        with pytest.raises(CredentialsError) as raised:
            await venue_of(local, ccxt_id, **{field: wrong}).connect()
    assert wrong not in str(raised.value)
    assert "s" * 64 not in str(raised.value)


@BOTH
async def test_a_key_of_the_live_network_is_unknown_on_the_test_network(
    local: LocalExchange, ccxt_id: str
) -> None:
    live = ApiKey(key="l" * 64, secret="m" * 64, account=ACCOUNT, network=api_keys.Network.LIVE)
    local.keys.add(live)
    with pytest.raises(CredentialsError):
        await venue_of(local, ccxt_id, api_key=live.key, secret=live.secret).connect()


@BOTH
@pytest.mark.parametrize("terms", [{"expires": 1}, {"addresses": ("10.1.2.3",)}])
async def test_a_key_that_is_expired_or_for_another_address_is_refused(
    local: LocalExchange, ccxt_id: str, terms: dict[str, object]
) -> None:
    local.keys.add(replace(local.key, **terms))
    with pytest.raises(CredentialsError):
        await venue_of(local, ccxt_id).connect()


async def test_without_a_key_the_market_comes_and_orders_are_never_sent(
    local: LocalExchange,
) -> None:
    async with connected(local, "binance", api_key="", secret="") as venue:
        assert await anext(aiter(venue.stream()))
        with pytest.raises(VenueUnavailableError, match="without a key"):
            await submit(venue, resting())


async def test_nothing_private_leaves_for_a_host_that_is_not_the_test_networks(
    local: LocalExchange,
) -> None:
    async with connected(local, "binance") as venue:
        client = venue._open.trade
        assert client is not None
        client.raw.urls["api"]["private"] = "https://api.binance.com/api/v3"
        with pytest.raises(VenueUnavailableError, match=r"api\.binance\.com"):
            await submit(venue, resting())
    assert local.exchange.orders(ACCOUNT, SYMBOL) == []


async def test_a_venue_without_a_test_network_says_so_at_once(tmp_path: Path) -> None:
    access = Access("kraken", Network.TEST, api_key="k", secret="cw==")
    venue = CcxtVenue(access, profile_of("kraken"), name="kraken", wanted=[SYMBOL])
    with pytest.raises(UsageError, match="no test network"):
        await venue.connect()


@BOTH
async def test_nobody_listening_is_unavailable_and_leaves_nothing_open(
    made: Certificates, ccxt_id: str
) -> None:
    access = Access(ccxt_id, Network.TEST, local=Local(1, made.ca_file), timeout_s=1)
    before = len(asyncio.all_tasks())
    venue = CcxtVenue(access, profile_of(ccxt_id), name="there", wanted=[SYMBOL])
    with pytest.raises(VenueUnavailableError):
        await venue.connect()
    assert len(asyncio.all_tasks()) == before


async def test_a_certificate_nobody_vouches_for_is_not_spoken_to(
    local: LocalExchange, tmp_path: Path
) -> None:
    from tests.venues.local import make_certificates

    other = make_certificates(tmp_path)
    venue = venue_of(local, "binance", local=Local(local.port, other.ca_file))
    with pytest.raises(VenueUnavailableError):
        await venue.connect()


async def test_a_proxy_that_answers_a_page_is_not_taken_for_the_venue(
    local: LocalExchange,
) -> None:
    local.fault(FaultKind.HTML)
    with pytest.raises(VenueError):
        await venue_of(local, "binance").connect()


# What -------------------------------------------------------------------------------------------


@BOTH
@pytest.mark.parametrize("spelled", ["btc-usdt", "BTC/USDT@there", "BTCUSDT"])
async def test_a_symbol_is_found_however_it_is_spelled(
    local: LocalExchange, ccxt_id: str, spelled: str
) -> None:
    async with connected(local, ccxt_id, [spelled]) as venue:
        (rules,) = await venue.instruments()
        assert (rules.symbol, rules.base, rules.quote) == (spelled, "BTC", "USDT")
        terms = resting(symbol=spelled)
        await submit(venue, terms)
        (found,) = await venue.open_orders()
        assert found == await venue.order(spelled, terms.client_order_id, "")
        assert found.symbol == spelled


async def test_an_unknown_symbol_is_named_with_the_nearest(local: LocalExchange) -> None:
    with pytest.raises(NotFoundError) as raised:
        await venue_of(local, "binance", ["BTC/USDX"]).connect()
    assert "BTC/USDX" in str(raised.value)
    assert "BTC/USDT" in raised.value.remedy


@BOTH
async def test_a_halted_market_is_said_to_be_halted(local: LocalExchange, ccxt_id: str) -> None:
    local.fault(FaultKind.HALT, symbol=SYMBOL)
    with pytest.raises(VenueError, match="halted"):
        await venue_of(local, ccxt_id).connect()


@BOTH
async def test_what_the_venue_cannot_do_is_listed_and_never_sent(
    local: LocalExchange, ccxt_id: str
) -> None:
    async with connected(local, ccxt_id) as venue:
        (rules,) = await venue.instruments()
        assert {"TRAILING_STOP", "GTD"} <= set(rules.unsupported)
        assert ("MODIFY" in rules.unsupported) is (ccxt_id == "binance")
        trailing = replace(resting(), order_type=OrderType.TRAILING_STOP, limit_price=None)
        with pytest.raises(ReplyError) as raised:
            await submit(venue, trailing)
        assert raised.value.reply in venue.capabilities.refusals
    assert local.exchange.orders(ACCOUNT, SYMBOL) == []


@pytest.mark.parametrize("value", [0.1, Decimal(1), {"stopPrice": 1}, {"a": [Decimal(1)]}])
def test_a_number_that_ccxt_would_drop_never_reaches_it(value: object) -> None:
    with pytest.raises(InternalError):
        check_numbers((value,))
    check_numbers(("BTC/USDT", "0.1", None, 1_700_000_000_000, {"stopPrice": "1", "flag": True}))


# When -------------------------------------------------------------------------------------------


@BOTH
async def test_the_venue_itself_refuses_what_reaches_it_too_late(
    local: LocalExchange, ccxt_id: str
) -> None:
    async with connected(local, ccxt_id) as venue:
        clock = venue._open.clock
        clock._time -= 3 * NS_PER_SECOND  # we take the venue's clock to be behind
        terms = resting()
        now = clock.now()
        with pytest.raises(ReplyError) as raised:
            await venue.submit(Approved(terms, now), now + NS_PER_SECOND)
        assert raised.value.reply in venue.capabilities.refusals
        assert local.exchange.orders(ACCOUNT, SYMBOL) == []


@BOTH
async def test_what_is_too_late_already_is_not_sent(local: LocalExchange, ccxt_id: str) -> None:
    async with connected(local, ccxt_id) as venue:
        with pytest.raises(VenueUnavailableError, match="too late"):
            await submit(venue, resting(), life_ns=-1)
    assert local.exchange.orders(ACCOUNT, SYMBOL) == []


@BOTH
async def test_a_clock_ten_seconds_off_is_allowed_for_and_told(
    local: LocalExchange, ccxt_id: str
) -> None:
    local.fault(FaultKind.CLOCK_SKEW, seconds=10.0)
    async with connected(local, ccxt_id) as venue:
        assert 9 * NS_PER_SECOND < venue.health.clock_ahead_ns < 11 * NS_PER_SECOND
        await submit(venue, resting())
        assert len(await venue.open_orders()) == 1
        checks = {each.name: each for each in await venue.checks()}
        assert not checks["clock"].ok
        assert "+" in checks["clock"].detail


@BOTH
async def test_an_unanswered_order_is_unknown_and_found_afterwards(
    local: LocalExchange, ccxt_id: str
) -> None:
    async with connected(local, ccxt_id) as venue:
        local.fault(FaultKind.DROP, call="create", when=Moment.AFTER, times=1)
        terms = resting()
        with pytest.raises(OutcomeUnknownError):
            await submit(venue, terms)
        found = await venue.order(SYMBOL, terms.client_order_id, "")
        assert found.status is VenueStatus.OPEN
        assert len(local.exchange.orders(ACCOUNT, SYMBOL)) == 1


# How much ---------------------------------------------------------------------------------------


@BOTH
async def test_throttled_orders_wait_and_cancels_do_not(local: LocalExchange, ccxt_id: str) -> None:
    async with connected(local, ccxt_id) as venue:
        terms = resting()
        await submit(venue, terms)
        local.fault(FaultKind.THROTTLE, call="create", times=1, retry_after=60)
        with pytest.raises(ReplyError) as raised:
            await submit(venue, resting(2))
        assert raised.value.reply in venue.capabilities.throttled
        assert raised.value.retry_after_ns == 60 * NS_PER_SECOND
        assert venue.health.paused_until > 0
        now = venue._open.clock.now()
        with pytest.raises(VenueUnavailableError, match="left alone"):
            await venue.submit(Approved(resting(3), now), now + NS_PER_SECOND // 10)
        cancel = CancelOrder("", SYMBOL, terms.client_order_id)
        await venue.cancel(Approved(cancel, now), now + 5 * NS_PER_SECOND)
    assert [each.is_open for each in local.exchange.orders(ACCOUNT, SYMBOL)] == [False]


async def test_shut_out_nothing_is_sent_any_more(local: LocalExchange) -> None:
    async with connected(local, "binance") as venue:
        local.fault(FaultKind.BAN, call="create", times=1, retry_after=60)
        with pytest.raises(VenueError):
            await submit(venue, resting())
        now = venue._open.clock.now()
        cancel = CancelOrder("", SYMBOL, "af0123456789abcd0000010000000001")
        with pytest.raises(VenueUnavailableError, match="shut us out"):
            await venue.cancel(Approved(cancel, now), now + NS_PER_SECOND // 10)


# What there was ---------------------------------------------------------------------------------


@BOTH
async def test_every_trade_is_told_however_many_pages_they_fill(
    local: LocalExchange, ccxt_id: str
) -> None:
    async with connected(local, ccxt_id) as venue:
        since = await venue.time()
        account = venue._private
        account._trades._page = 7
        for number in range(40):
            side = OrderSide.BUY if number % 2 else OrderSide.SELL
            price = Decimal(70_000) if number % 2 else Decimal(50_000)
            local.by_hand(side, price, Decimal("0.0002"), SYMBOL)
            await asyncio.sleep(0.002)  # a venue's time stamps are milliseconds
        mine = local.exchange.executions(ACCOUNT, SYMBOL)
        trades = await venue.trades(since)
        assert len({each.trade_id for each in trades}) == len(trades) == len(mine) >= 40
        assert sum(each.fee for each in trades if each.fee_currency == "USDT") == sum(
            each.fee for each in mine if each.fee_currency == "USDT"
        )
        assert [each.ts for each in trades] == sorted(each.ts for each in trades)


@BOTH
async def test_every_check_holds_on_a_well_built_in_exchange(
    local: LocalExchange, ccxt_id: str
) -> None:
    checks = await venue_of(local, ccxt_id).checks()
    assert {each.name for each in checks} >= {"network", "clock", "precision", "key", "markets"}
    assert [each for each in checks if not each.ok] == []


async def test_markets_are_asked_for_once_a_day(local: LocalExchange, tmp_path: Path) -> None:
    terms = {"cache_folder": tmp_path}
    async with connected(local, "binance", **terms) as venue:
        rules = await venue.instruments()
    local.fault(FaultKind.ERROR, call="markets")
    async with connected(local, "binance", **terms) as venue:
        assert await venue.instruments() == rules
        await submit(venue, resting())
    with pytest.raises(VenueError):
        await venue_of(local, "binance").connect()
