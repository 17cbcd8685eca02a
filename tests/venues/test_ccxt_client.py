"""One client of ccxt: whichever the test network, nothing private is signed for another host."""

import asyncio

import pytest

from alphaforge.errors import VenueUnavailableError
from alphaforge.venues.base import VenueHealth
from alphaforge.venues.ccxt_access import Access, Network
from alphaforge.venues.ccxt_client import CcxtClient, open_limiter
from alphaforge.venues.ccxt_loading import load_exchange
from alphaforge.venues.ccxt_profiles import PROFILES, profile_of
from alphaforge.venues.ccxt_time import OLD_SECONDS, VenueClock

PRIVATE = {
    "binance": ("account", ["private"]),
    "binanceusdm": ("account", ["fapiPrivateV2"]),
    "binancecoinm": ("account", ["dapiPrivate"]),
    "bybit": ("v5/account/wallet-balance", ["private"]),
    "okx": ("account/balance", ["private"]),
    "krakenfutures": ("accounts", ["private"]),
    "bitget": ("v2/spot/account/assets", ["private", "spot"]),
    "gate": ("accounts", ["private", "spot"]),
    "deribit": ("get_account_summary", ["private"]),
}
TESTED = [ccxt_id for ccxt_id in PRIVATE if PROFILES[ccxt_id].test_network.way]


def client_of(ccxt_id: str) -> CcxtClient:
    health = VenueHealth()
    loop = asyncio.get_running_loop()
    milliseconds = load_exchange(ccxt_id).milliseconds
    clock = VenueClock(loop.time, milliseconds, health)
    access = Access(ccxt_id, Network.TEST, api_key="key", secret="c2VjcmV0", password="p", uid="u")
    return CcxtClient(
        access, profile_of(ccxt_id), open_limiter(health), clock, health, is_private=True
    )


@pytest.mark.slow
@pytest.mark.parametrize("ccxt_id", TESTED)
async def test_what_is_signed_goes_to_the_test_network_or_nowhere(ccxt_id: str) -> None:
    client = client_of(ccxt_id)
    try:
        path, api = PRIVATE[ccxt_id]
        assert client.raw.sign(path, api, "GET", {})["url"]
        network = client._profile.test_network
        if network.headers:
            client.raw.headers = {}
            client.raw.options["sandboxMode"] = False
        else:
            live = load_exchange(ccxt_id)().urls["api"]
            client.raw.urls = {**client.raw.urls, "api": live}
        with pytest.raises(VenueUnavailableError, match="would have gone to"):
            client.raw.sign(path, api, "GET", {})
    finally:
        await client.close()


@pytest.mark.parametrize(
    "other",
    [
        "https://api.binance.com/api/v3/order",
        "https://testnet.binance.vision.example.com/api/v3/order",
        "https://testnet.binance.vision@example.com/api/v3/order",
        "https://testnet.binance.vision:443@example.com/",
        "https://testnet.binance.visio",
        "http:testnet.binance.vision/api/v3/order",
    ],
)
async def test_a_host_once_proved_lets_no_other_by(other: str) -> None:
    client = client_of("binance")
    try:
        client.check_host("https://testnet.binance.vision/api/v3/order", None)
        client.check_host("https://testnet.binance.vision/api/v3/openOrders?a=b", None)
        with pytest.raises(VenueUnavailableError, match="would have gone to"):
            client.check_host(other, None)
    finally:
        await client.close()


async def test_the_header_of_a_test_network_is_looked_for_in_every_request() -> None:
    client = client_of("okx")
    try:
        network = client._profile.test_network
        address = f"https://{min(network.hosts)}/api/v5/trade/order"
        client.check_host(address, {**network.headers})
        for headers in ({}, dict.fromkeys(network.headers, "?")):
            with pytest.raises(VenueUnavailableError, match="without the header"):
                client.check_host(address, headers)
    finally:
        await client.close()


async def test_the_request_says_until_when_it_may_take_effect() -> None:
    """Time stamp and window together end at the very millisecond that was asked for."""
    client = client_of("binance")
    try:
        from alphaforge.venues.ccxt_limiter import Priority
        from alphaforge.venues.ccxt_sessions import SENDING

        ends = client._clock.now() + 1_234_000_000
        sending = client._sending(Priority.ORDER, ends, 5.0)
        token = SENDING.set(sending)
        body = client.raw.sign("order", ["private"], "POST", {"symbol": "BTCUSDT"})["body"]
        SENDING.reset(token)
        told = dict(part.split("=") for part in body.split("&"))
        assert int(told["timestamp"]) + int(told["recvWindow"]) == ends // 1_000_000
    finally:
        await client.close()


async def test_a_closed_client_sends_nothing() -> None:
    client = client_of("binance")
    await client.close()
    with pytest.raises(VenueUnavailableError, match="closed"):
        await client.call("fetch_time")


def test_the_venues_clock_is_known_to_half_a_round_trip_and_the_better_look_counts() -> None:
    now = [0.0]
    clock = VenueClock(lambda: now[0], lambda: 1_000_000, VenueHealth())
    now[0] = 1.0
    clock.compare(2_000_000, asked=0.98)
    exact = clock.now()
    assert abs(exact - 2_000_010_000_000) < 1_000
    now[0] = 2.0
    clock.compare(2_000_900, asked=1.4)  # agrees, and is known worse
    assert abs(clock.now() - exact - 1_000_000_000) < 1_000
    now[0] = 2.0 + OLD_SECONDS + 1
    clock.compare(2_400_000, asked=now[0] - 0.5)
    assert abs(clock.now() - 2_400_250_000_000) < 1_000
