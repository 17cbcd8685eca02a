"""Real ccxt clients on recorded markets, for tests of the mapping: no network, no clock."""

import asyncio
import gzip
import json
from collections.abc import Iterator, Mapping
from functools import cache
from pathlib import Path
from typing import Any, TypeAlias

from alphaforge.venues.ccxt_loading import load_exchange
from alphaforge.venues.ccxt_map import Names
from alphaforge.venues.ccxt_profiles import profile_of

Client: TypeAlias = Any
"""An exchange of ccxt, which is untyped."""

BTC_USDT_SPOT = {
    "symbol": "BTCUSDT",
    "status": "TRADING",
    "baseAsset": "BTC",
    "quoteAsset": "USDT",
    "baseAssetPrecision": 8,
    "quotePrecision": 8,
    "orderTypes": [
        "LIMIT", "LIMIT_MAKER", "MARKET", "STOP_LOSS", "STOP_LOSS_LIMIT",
        "TAKE_PROFIT", "TAKE_PROFIT_LIMIT",
    ],
    "filters": [
        {"filterType": "PRICE_FILTER", "tickSize": "0.01000000"},
        {"filterType": "LOT_SIZE", "minQty": "0.00001", "maxQty": "9000", "stepSize": "0.00001"},
        {"filterType": "NOTIONAL", "minNotional": "5.00000000"},
    ],
    "isSpotTradingAllowed": True,
    "permissionSets": [["SPOT"]],
}  # fmt: skip
"""One symbol of Binance's exchangeInfo, with the fields that ccxt reads."""

BYBIT_MARKETS = {
    "spot": {
        "symbol": "BTCUSDT", "baseCoin": "BTC", "quoteCoin": "USDT", "status": "Trading",
        "lotSizeFilter": {
            "basePrecision": "0.000001", "quotePrecision": "0.00000001",
            "minOrderQty": "0.000048", "maxOrderQty": "71.7", "minOrderAmt": "1",
            "maxOrderAmt": "4000000",
        },
        "priceFilter": {"tickSize": "0.01"},
    },
    "linear": {
        "symbol": "BTCUSDT", "contractType": "LinearPerpetual", "status": "Trading",
        "baseCoin": "BTC", "quoteCoin": "USDT", "settleCoin": "USDT", "launchTime": "1584230400000",
        "deliveryTime": "0", "priceScale": "2",
        "leverageFilter": {"minLeverage": "1", "maxLeverage": "100.00", "leverageStep": "0.01"},
        "priceFilter": {"minPrice": "0.10", "maxPrice": "199999.80", "tickSize": "0.10"},
        "lotSizeFilter": {
            "maxOrderQty": "100.000", "minOrderQty": "0.001", "qtyStep": "0.001",
            "minNotionalValue": "5",
        },
    },
}  # fmt: skip
"""One symbol of each of Bybit's instruments-info, with the fields that ccxt reads."""


def client(ccxt_id: str, markets: list[Any] | None = None) -> Client:
    """A client that has keys and, if given, markets; every number is text."""
    made: Client = load_exchange(ccxt_id)(
        {"apiKey": "k", "secret": "s", "password": "p", "number": str}
    )
    made.options |= {"crossMarginPairsData": [], "isolatedMarginPairsData": []}
    if markets is not None:
        made.set_markets(markets)
    return made


@cache
def binance() -> Client:
    """Binance spot with BTC/USDT."""
    made = client("binance")
    made.set_markets([made.parse_market(BTC_USDT_SPOT)])
    return made


@cache
def bybit() -> Client:
    """Bybit with BTC/USDT and its linear perpetual."""
    return bybit_of({category: [row] for category, row in BYBIT_MARKETS.items()})


def bybit_of(listed: Mapping[str, list[Any]]) -> Client:
    """Bybit with the markets of its answers, by category."""
    made = client("bybit")
    asks = {"spot": made.fetch_spot_markets, "linear": made.fetch_future_markets}
    found: list[Any] = []
    for category, listing in listed.items():
        answer = {"result": {"category": category, "list": listing, "nextPageCursor": ""}}

        async def tell(_: object = None, answer: object = answer) -> object:
            return answer

        made.publicGetV5MarketInstrumentsInfo = tell
        found += asyncio.run(asks[category]({"category": category}))
    made.set_markets(found)
    made.options |= {"enableUnifiedAccount": True, "enableUnifiedMargin": False}
    return made


def recorded_answers(path: Path) -> Iterator[tuple[str, Any]]:
    """The URLs and JSON answers of a raw HTTP log, `URL -> t: json`."""
    with gzip.open(path, "rt", encoding="utf-8") as file:
        for line in file:
            head, arrow, rest = line.partition(" -> ")
            if arrow:
                yield head, json.loads(rest.partition(": ")[2])


def recorded_frames(path: Path) -> Iterator[Any]:
    """What arrived in a raw WebSocket log, `t: json`."""
    with gzip.open(path, "rt", encoding="utf-8") as file:
        for line in file:
            time, colon, rest = line.partition(": ")
            if colon and time.replace(".", "").isdigit():
                yield json.loads(rest)


@cache
def binanceusdm(path: Path) -> Client:
    """Binance USD-M with the markets of a recorded exchangeInfo."""
    made = client("binanceusdm")
    _, answer = next(recorded_answers(path))
    made.set_markets([made.parse_market(each) for each in answer["symbols"]])
    return made


@cache
def okx(path: Path) -> Client:
    """OKX with the spot and swap markets of recorded answers."""
    made = client("okx")
    found: list[Any] = []
    for url, answer in recorded_answers(path):
        if "instType=SPOT" in url or "instType=SWAP" in url:
            found += made.parse_markets(answer["data"])
    made.set_markets(found)
    return made


def names(ccxt_id: str, spelled: Mapping[str, str] | None = None) -> Names:
    """Names of an account `main` at a venue called as the ccxt id."""
    return Names(ccxt_id, "main", profile_of(ccxt_id), spelled or {})
