"""Money and orders at real venues: what ccxt tells otherwise than it is booked here.

Answers have the fields of each venue's documentation, and pass through the real ccxt client.
"""

import asyncio
from collections.abc import AsyncGenerator, Mapping
from contextlib import asynccontextmanager, nullcontext
from decimal import Decimal
from typing import Any

import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer

from alphaforge.errors import OutcomeUnknownError, UsageError, VenueUnavailableError
from alphaforge.venues.base import VenueHealth
from alphaforge.venues.ccxt_access import Access, Network
from alphaforge.venues.ccxt_account import CcxtAccount
from alphaforge.venues.ccxt_client import CcxtClient, open_limiter
from alphaforge.venues.ccxt_connecting import Clients
from alphaforge.venues.ccxt_instruments import read_instrument
from alphaforge.venues.ccxt_limiter import Priority
from alphaforge.venues.ccxt_map import MalformedError, Names, positions, pushed_fill
from alphaforge.venues.ccxt_outbox import Outbox
from alphaforge.venues.ccxt_profiles import profile_of
from alphaforge.venues.ccxt_reading import take_private
from alphaforge.venues.ccxt_sessions import SENDING
from alphaforge.venues.ccxt_symbols import resolve
from alphaforge.venues.ccxt_tap import Kind
from alphaforge.venues.ccxt_time import VenueClock
from tests.venues import ccxt_rig

NOW = 1_700_000_000_000
"""Milliseconds; the clock of these tests stands."""

NS = 1_000_000


@asynccontextmanager
async def client_of(ccxt_id: str) -> AsyncGenerator[CcxtClient]:
    """A client that has a key and sends nothing by itself."""
    health = VenueHealth()
    clock = VenueClock(lambda: 0.0, lambda: NOW, health)
    access = Access(ccxt_id, Network.LIVE, api_key="key", secret="c2VjcmV0", password="p", uid="u")
    client = CcxtClient(
        access, profile_of(ccxt_id), open_limiter(health), clock, health, is_private=True
    )
    client.raw.markets = {}
    try:
        yield client
    finally:
        await client.close()


def market(symbol: str, market_id: str, **terms: object) -> dict[str, object]:
    """A market in ccxt's words."""
    pair, _, settle = symbol.partition(":")
    base, quote = pair.split("/")
    return {
        "id": market_id, "symbol": symbol, "base": base, "quote": quote, "settle": settle or None,
        "baseId": base, "quoteId": quote, "settleId": settle or None, "active": True,
        "type": "swap" if settle else "spot", "spot": not settle, "swap": bool(settle),
        "future": False, "option": False, "margin": False, "contract": bool(settle),
        "linear": settle == quote if settle else None,
        "inverse": settle == base if settle else None,
        "contractSize": "1" if settle else None, "precision": {"amount": "1", "price": "0.5"},
        "limits": {"amount": {"min": "1"}, "cost": {}, "price": {}, "leverage": {}},
        "taker": 0.0005, "maker": 0.0, "info": {}, **terms,
    }  # fmt: skip


class Answers:
    """Answers for ccxt's raw requests by their path, and what was asked."""

    def __init__(self, client: CcxtClient, answers: Mapping[str, object]) -> None:
        self.asked: list[tuple[str, dict[str, Any]]] = []
        self._answers = answers
        client.raw.request = self._request

    async def _request(
        self,
        path: str,
        api: object = "",
        method: str = "GET",
        params: Any = None,
        *_: Any,
        **__: Any,
    ) -> object:
        self.asked.append((path, dict(params or {})))
        answer = self._answers[path]
        return answer(params) if callable(answer) else answer


def account_of(client: CcxtClient, *symbols: str) -> CcxtAccount:
    names = Names("v", "main", profile_of(client.raw.id), {each: each for each in symbols})
    return CcxtAccount(client, names, client._clock)


class TestBalances:
    """What is booked is the wallet: profit that is still open is not in it."""

    async def test_binance_futures(self) -> None:
        asset = {
            "asset": "USDT", "walletBalance": "1000.00000000", "unrealizedProfit": "-25.50000000",
            "marginBalance": "974.50000000", "availableBalance": "900.0", "initialMargin": "74.5",
            "updateTime": NOW,
        }  # fmt: skip
        async with client_of("binanceusdm") as client:
            Answers(client, {"account": {"assets": [asset]}})
            (told,) = await account_of(client, "BTC/USDT:USDT").balances()
        assert (told.currency, told.total) == ("USDT", Decimal(1000))

    async def test_okx(self) -> None:
        detail = {"ccy": "BTC", "cashBal": "2", "eq": "2.25", "upl": "0.25", "availEq": "1.9"}
        answer = {"code": "0", "data": [{"uTime": str(NOW), "details": [detail]}]}
        async with client_of("okx") as client:
            Answers(client, {"account/balance": answer, "account/config": {"data": [{}]}})
            (told,) = await account_of(client, "BTC/USD:BTC").balances()
        assert (told.currency, told.total) == ("BTC", Decimal(2))

    async def test_bitgets_contracts_have_a_wallet_of_their_own(self) -> None:
        row = {
            "marginCoin": "USDT", "accountEquity": "110", "unrealizedPL": "10", "available": "90",
            "maxTransferOut": "90",
        }  # fmt: skip
        answers = {
            "v2/mix/account/accounts": {"code": "00000", "data": [row]},
            "v3/account/settings": {"code": "00000", "data": {}},
        }
        async with client_of("bitget") as client:
            Answers(client, answers)
            client.raw.options["uta"] = False
            (told,) = await account_of(client, "BTC/USDT:USDT").balances()
        assert (told.currency, told.total) == ("USDT", Decimal(100))

    async def test_gates_two_wallets_are_one_sum(self) -> None:
        answers = {
            "accounts": [{"currency": "USDT", "available": "5", "locked": "1"}],
            "{settle}/accounts": {"currency": "USDT", "total": "40", "available": "30"},
            "detail": {"key": {"mode": 1}},
        }
        async with client_of("gate") as client:
            found = Answers(client, answers)
            client.raw.options["unifiedAccount"] = False
            (told,) = await account_of(client, "BTC/USDT", "BTC/USDT:USDT").balances()
        assert told.total == Decimal(46)
        assert {path for path, _ in found.asked} >= {"accounts", "{settle}/accounts"}


class TestPositions:
    async def test_bybit_is_asked_symbol_by_symbol(self) -> None:
        """Given several, ccxt refuses the question: no reconciliation would ever end."""
        ids = {"BTC/USDT:USDT": "BTCUSDT", "ETH/USDT:USDT": "ETHUSDT"}
        size = {"BTCUSDT": "0.5", "ETHUSDT": "3"}

        def answer(params: Mapping[str, str]) -> object:
            row = {"symbol": params["symbol"], "side": "Sell", "size": size[params["symbol"]]}
            told = {"category": "linear", "list": [{**row, "positionIdx": 0}]}
            return {"retCode": 0, "result": told, "time": NOW}

        async with client_of("bybit") as client:
            client.raw.set_markets([market(symbol, ids[symbol]) for symbol in ids])
            Answers(client, {"v5/position/list": answer})
            found = await account_of(client, *ids).positions()
        assert {each.symbol: each.quantity for each in found} == {
            "BTC/USDT:USDT": Decimal("-0.5"),
            "ETH/USDT:USDT": Decimal(-3),
        }

    def test_one_half_of_a_hedge_is_no_position_of_ours(self) -> None:
        row = {"symbol": "BTC/USDT:USDT", "side": "long", "contracts": "1", "hedged": True}
        with pytest.raises(MalformedError, match="hedge"):
            positions([row], ccxt_rig.names("okx"))


class TestContracts:
    async def test_deribits_quantities_are_not_in_contracts(self) -> None:
        """It counts dollars, and tells a size of ten of them: money would be tenfold."""
        symbol = "BTC/USD:BTC"
        listed = market(symbol, "BTC-PERPETUAL", contractSize="10", precision={
            "amount": "10", "price": "0.5",
        })  # fmt: skip
        async with client_of("deribit") as client:
            client.raw.markets = {symbol: listed}
            client.raw.has["fetchTradingFee"] = False
            names = Names("v", "main", profile_of("deribit"), {symbol: symbol})
            read = await read_instrument(Clients(client, client, client._clock), names, symbol)
        assert read.multiplier == 1
        assert read.quantity_step == 10


class TestTrades:
    async def told(
        self, ccxt_id: str, symbol: str, rows: list[dict[str, object]], page: int
    ) -> Any:
        """What the account's trades are found to be at a venue that tells its latest rows."""
        async with client_of(ccxt_id) as client:
            client.raw.markets = {symbol: market(symbol, "x")}

            async def fetch(wanted: str | None, since: int | None, limit: int, params: Any) -> Any:
                until = int(params.get("until", NOW * 2))
                inside = [each for each in rows if (since or 0) <= each["timestamp"] <= until]
                latest = sorted(inside, key=lambda each: each["timestamp"])[-min(page, limit) :]
                return [each for each in latest if wanted in {None, each["symbol"]}]

            client.raw.fetch_my_trades = fetch
            return await account_of(client, symbol).trades((NOW - 3_600_000) * NS)

    @staticmethod
    def row(number: int, symbol: str, ts: int) -> dict[str, object]:
        return {
            "id": str(number), "symbol": symbol, "side": "buy", "order": "o", "amount": "1",
            "price": "2", "timestamp": ts, "fee": {"cost": "0", "currency": "USD"}, "info": {},
        }  # fmt: skip

    async def test_a_page_shorter_than_we_asked_for_may_still_be_cut_off(self) -> None:
        """Kraken answers fifty at most, and ccxt does not know it."""
        rows = [self.row(n, "BTC/USD", NOW - 200_000 + 1000 * n) for n in range(130)]
        found = await self.told("kraken", "BTC/USD", rows, page=50)
        assert [each.trade_id for each in found] == [each["id"] for each in rows]

    async def test_a_page_full_of_other_symbols_hides_none_of_ours(self) -> None:
        """Kraken tells all symbols at once; ccxt picks, so that a page may look empty."""
        ours = [self.row(n, "BTC/USD", NOW - 900_000 + n) for n in range(3)]
        others = [self.row(100 + n, "ETH/USD", NOW - 60_000 + n) for n in range(60)]
        found = await self.told("kraken", "BTC/USD", [*ours, *others], page=50)
        assert [each.trade_id for each in found] == ["0", "1", "2"]

    async def test_trades_in_the_first_millisecond_asked_for_are_all_told(self) -> None:
        first = NOW - 3_600_000
        rows = [self.row(n, "BTC/USDT", first + (n >= 60)) for n in range(120)]
        found = await self.told("bybit", "BTC/USDT", rows, page=100)
        assert len(found) == 120

    async def test_a_venue_that_tells_its_latest_only_is_not_believed_to_tell_all(self) -> None:
        symbol = "BTC/USD:USD"
        rows = [self.row(n, symbol, NOW - 500_000 + 1000 * n) for n in range(200)]
        async with client_of("krakenfutures") as client:
            client.raw.markets = {symbol: market(symbol, "x")}

            async def fetch(_: str | None, since: int, limit: int, params: Any) -> Any:
                return [each for each in rows[-100:] if each["timestamp"] >= since]

            client.raw.fetch_my_trades = fetch
            with pytest.raises(OutcomeUnknownError, match="no others"):
                await account_of(client, symbol).trades((NOW - 3_600_000) * NS)

    @pytest.mark.parametrize("ccxt_id", ["binanceusdm", "okx", "bybit"])
    async def test_trades_are_asked_for_longer_ago_than_canceled_orders_are_kept(
        self, ccxt_id: str
    ) -> None:
        """A run that comes back after two weeks must hear of all that was filled meanwhile."""
        symbol, begins = "BTC/USDT:USDT", list[int | None]()
        async with client_of(ccxt_id) as client:
            client.raw.markets = {symbol: market(symbol, "x")}

            async def fetch(_: str, since: int | None, *rest: Any) -> list[object]:
                begins.append(since)
                return []

            client.raw.fetch_my_trades = fetch
            asked = NOW - 14 * 86_400_000
            await account_of(client, symbol).trades(asked * NS)
        assert min(each for each in begins if each is not None) == asked

    def test_a_pushed_spot_fee_in_an_unknown_currency_is_asked_for(self) -> None:
        raw = {**self.row(1, "BTC/USDT", NOW), "fee": {"cost": "0.001", "currency": None}}
        with pytest.raises(MalformedError, match="not told"):
            pushed_fill(raw, ccxt_rig.names("bybit"))


class TestNames:
    def test_what_another_venue_trades_is_not_meant(self) -> None:
        """Somebody trades ETH on this account; the run's own ETH is at another venue."""
        names = Names("a", "main", profile_of("binance"), {"BTC/USDT@a": "BTC/USDT"})
        assert names.spelled("BTC/USDT") == "BTC/USDT@a"
        assert names.spelled("ETH/USDT") != "ETH/USDT"
        assert names.unified(names.spelled("ETH/USDT")) == "ETH/USDT"

    @pytest.mark.parametrize(("symbol", "is_read"), [("BTC/USDT", False), ("X/Y", True)])
    def test_what_somebody_does_elsewhere_need_not_be_understood(
        self, symbol: str, is_read: bool
    ) -> None:
        """It would be a gap each time, and nothing of ours would leave meanwhile."""
        names = Names("a", "main", profile_of("bybit"), {"BTC/USDT": "BTC/USDT"})
        raw = {"id": "1", "symbol": symbol, "side": "buy", "status": "?", "timestamp": NOW}
        outbox = Outbox(VenueHealth())
        with nullcontext() if is_read else pytest.raises(MalformedError):
            take_private(names, outbox, Kind.ROW, raw)
        assert not len(outbox)

    async def test_an_open_order_elsewhere_does_not_hide_ours(self) -> None:
        ours = {
            "id": "1", "symbol": "BTC/USDT", "side": "buy", "status": "open", "timestamp": NOW,
            "type": "limit", "price": "1", "amount": "2", "filled": "0",
            "info": {"orderStatus": "New"},
        }  # fmt: skip
        async with client_of("bybit") as client:

            async def fetch(*_: Any) -> list[object]:
                return [{**ours, "id": "2", "symbol": "X/Y", "info": {"orderStatus": "?"}}, ours]

            client.raw.fetch_open_orders = fetch
            (found,) = await account_of(client, "BTC/USDT").open_orders()
        assert found.venue_order_id == "1"

    def test_one_market_has_one_spelling_in_a_run(self) -> None:
        with pytest.raises(UsageError, match="one market"):
            resolve(["BTC/USDT", "btc-usdt"], {"BTC/USDT": {"spot": True}}, "V")


class TestRequests:
    async def test_a_cancel_at_okx_ends_although_it_heeds_no_deadline(self) -> None:
        async with client_of("okx") as client:
            ends = NOW + 5_000
            sending = client._sending(Priority.CANCEL, ends * NS, 8.0)
            token = SENDING.set(sending)
            signed = client.raw.sign("trade/cancel-order", ["private"], "POST", {"ordId": "1"})
            SENDING.reset(token)
        stamp = client.raw.parse8601(signed["headers"]["OK-ACCESS-TIMESTAMP"])
        assert stamp + 30_000 == ends
        assert signed["headers"]["expTime"] == str(ends)

    @pytest.mark.parametrize("ccxt_id", ["binance", "bybit", "okx"])
    async def test_no_request_lives_longer_than_its_absence_is_proved_by(
        self, ccxt_id: str
    ) -> None:
        """Though the venue's clock has fallen behind that of the run, which says until when."""
        async with client_of(ccxt_id) as client:
            life_ns = client._profile.capabilities.request_life_ns
            sending = client._sending(Priority.ORDER, NOW * NS + life_ns + 3_000 * NS, 8.0)
        assert sending.expires_at == NOW * NS + life_ns
        ends = sending.stamp_ms + (sending.window_ms or client._profile.expiry.stamp_life_ms)
        assert ends == NOW + life_ns // NS

    async def test_a_cancel_that_arrived_before_the_venue_went_away_is_not_called_unsent(
        self,
    ) -> None:
        """aiohttp sends a DELETE again where a kept connection breaks: that it then finds nobody
        says nothing of the first."""
        arrived: list[bytes] = []

        async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            await reader.readuntil(b"\r\n\r\n")
            writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}")
            arrived.append(await reader.readuntil(b"\r\n\r\n"))
            server.close()
            writer.close()

        server = await asyncio.start_server(serve, "127.0.0.1", 0)
        host, port = server.sockets[0].getsockname()
        async with client_of("binance") as client:
            api = {"private": f"http://{host}:{port}/v3"}
            client.raw.urls = {**client.raw.urls, "api": api}
            await client.call("private_get_account")
            with pytest.raises(OutcomeUnknownError):
                await client.call("private_delete_order", {"symbol": "BTCUSDT"})
        assert arrived[0].startswith(b"DELETE")

    async def test_a_wallets_key_reaches_the_venue_that_signs_with_one(self) -> None:
        async with client_of("hyperliquid") as client:
            found = Answers(client, {"info": {"marginSummary": {}}})
            client.raw.options["enableUnifiedMargin"] = False
            await client.call("fetch_balance")
            assert found.asked[-1][1]["user"] == "key"
            assert client.raw.privateKey == "c2VjcmV0"

    async def test_every_nonce_is_above_the_last_though_the_clock_stands(self) -> None:
        async with client_of("kraken") as client:
            made = [client.raw.nonce() for _ in range(3)]
        assert made == sorted(set(made))

    async def test_bitgets_play_money_never_logs_in_where_the_live_streams_are(self) -> None:
        health = VenueHealth()
        clock = VenueClock(lambda: 0.0, lambda: NOW, health)
        access = Access("bitget", Network.TEST, api_key="k", secret="s", password="p")
        client = CcxtClient(
            access, profile_of("bitget"), open_limiter(health), clock, health, is_private=True
        )
        dialled: list[str] = []

        async def log_in(params: Mapping[str, str]) -> None:
            dialled.append(params["url"])
            raise ConnectionError

        client.raw.authenticate = log_in
        with pytest.raises(ConnectionError):
            await client.raw.watch_private(False, "orders", "orders", {"instType": "SPOT"})
        await client.close()
        client.check_host(dialled[0], None)
        with pytest.raises(VenueUnavailableError, match="would have gone to"):
            client.check_host("wss://ws.bitget.com/v2/ws/private", None)

    async def test_a_signed_request_is_not_carried_on_to_another_address(self) -> None:
        """aiohttp would follow a redirect with the key in its headers and the signed body."""
        carried: list[Mapping[str, str]] = []

        async def move(request: web.Request) -> web.Response:
            raise web.HTTPTemporaryRedirect("/elsewhere")

        async def elsewhere(request: web.Request) -> web.Response:
            carried.append(dict(request.headers))
            return web.json_response({})

        app = web.Application()
        app.router.add_route("*", "/elsewhere", elsewhere)
        app.router.add_route("*", "/{tail:.*}", move)
        async with TestServer(app) as server, client_of("binance") as client:
            client.raw.urls = {**client.raw.urls, "api": {"private": str(server.make_url("/v3"))}}
            with pytest.raises(OutcomeUnknownError, match="not followed"):
                await client.call("private_post_order", {"symbol": "BTCUSDT"})
        assert not carried
