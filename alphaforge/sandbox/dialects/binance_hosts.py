"""The machines Binance spot answers on, and which of its networks each belongs to.

The futures' machines are here only to say that they list nothing, which a ccxt client asks by
default. Source: the venue's documentation and the addresses ccxt calls.
"""

from alphaforge.sandbox.api_keys import Network

LIVE_HOSTS = (
    "api.binance.com",
    "api1.binance.com",
    "api2.binance.com",
    "api3.binance.com",
    "api4.binance.com",
    "stream.binance.com",
    "ws-api.binance.com",
    "fapi.binance.com",
    "dapi.binance.com",
)
TEST_HOSTS = (
    "testnet.binance.vision",
    "stream.testnet.binance.vision",
    "ws-api.testnet.binance.vision",
    "demo-api.binance.com",
    "demo-stream.binance.com",
    "demo-ws-api.binance.com",
    "testnet.binancefuture.com",
    "demo-fapi.binance.com",
    "demo-dapi.binance.com",
)
PREFIXES = ("api", "sapi", "fapi", "dapi", "ws", "stream", "ws-api")
"""First path segments, for clients that come by address."""


def network_of(host: str) -> Network | None:
    """The network a host belongs to; None for one that was reached by address."""
    name = host.partition(":")[0].lower()
    if name in LIVE_HOSTS:
        return Network.LIVE
    if name in TEST_HOSTS:
        return Network.TEST
    return None


def overlay(address: str) -> dict[str, object]:
    """What to lay over a ccxt client's `urls['api']` to reach `address` by plain http and ws.

    The stream's path has `/stream` in it, by which ccxt tells spot from futures.
    """
    http, ws = f"http://{address}", f"ws://{address}"
    return {
        "public": f"{http}/api/v3",
        "private": f"{http}/api/v3",
        "v1": f"{http}/api/v1",
        "sapi": f"{http}/sapi/v1",
        "fapiPublic": f"{http}/fapi/v1",
        "dapiPublic": f"{http}/dapi/v1",
        "ws": {
            "spot": f"{ws}/stream/ws",
            "margin": f"{ws}/stream/ws",
            "ws-api": {"spot": f"{ws}/ws-api/v3"},
        },
    }
