"""What anyone may ask, through a plain ccxt client: rules, time, book, tape, bars, tickers."""

from decimal import Decimal
from itertools import pairwise

import ccxt
import pytest

from alphaforge.model.enums import OrderSide
from tests.sandbox.binance.ground import LISTINGS, SYMBOL, open_ground


async def test_markets_carry_the_listings_rules():
    async with open_ground() as ground, ground.client() as client:
        markets = await client.load_markets()
        assert set(markets) == {listing.symbol for listing in LISTINGS}
        market, listing = markets[SYMBOL], LISTINGS[0]
        assert Decimal(market["precision"]["price"]) == listing.price_step
        assert Decimal(market["precision"]["amount"]) == listing.quantity_step
        assert Decimal(market["limits"]["cost"]["min"]) == listing.min_value
        assert Decimal(market["limits"]["amount"]["max"]) == listing.max_quantity
        assert market["active"] is True
        assert market["info"]["allowedSelfTradePreventionModes"]


async def test_a_client_that_asks_for_everything_loads_the_spot_markets_alone():
    every = {
        "fetchMarkets": {"types": ["spot", "linear", "inverse"]},
        "fetchCurrencies": True,
        "fetchMargins": True,
    }
    async with open_ground() as ground, ground.client(options=every) as client:
        assert set(await client.load_markets()) == {listing.symbol for listing in LISTINGS}
        assert {"BTC", "USDT"} <= set(client.currencies)


async def test_time_and_status():
    async with open_ground() as ground, ground.client() as client:
        assert abs(await client.fetch_time() - ground.clock() // 1_000_000) < 5_000


async def test_the_book_is_the_exchanges():
    async with open_ground() as ground, ground.client() as client:
        ground.quote()
        book = await client.fetch_order_book(SYMBOL, 3)
        assert book["bids"] == [[19_999.0, 0.5], [19_998.0, 0.5], [19_997.0, 0.5]]
        assert book["nonce"] == ground.exchange.depth(SYMBOL, 1).update_id
        tops = await client.fetch_bids_asks([SYMBOL])
        assert (Decimal(tops[SYMBOL]["bid"]), Decimal(tops[SYMBOL]["ask"])) == (19_999, 20_001)


async def test_the_tape_by_each_of_its_calls():
    async with open_ground() as ground, ground.client() as client:
        for price in ("20000", "20000.5", "20001"):
            ground.print_at(price)
        printed = ground.exchange.prints(SYMBOL)
        for method in ("publicGetTrades", "publicGetAggTrades", "publicGetHistoricalTrades"):
            trades = await client.fetch_trades(SYMBOL, params={"fetchTradesMethod": method})
            assert [trade["id"] for trade in trades] == [str(one.trade_id) for one in printed]
            assert [Decimal(trade["price"]) for trade in trades] == [one.price for one in printed]
            sides = {trade["side"] for trade in trades}
            assert sides == {"buy" if printed[0].side is OrderSide.BUY else "sell"}


async def test_bars_and_tickers_end_at_the_last_price():
    async with open_ground() as ground, ground.client() as client:
        ground.quote()
        ground.print_at("20000.5", "0.002")
        bars = await client.fetch_ohlcv(SYMBOL, "1m", limit=10)
        assert len(bars) == 10
        assert {later[0] - earlier[0] for earlier, later in pairwise(bars)} == {60_000}
        assert Decimal(bars[-1][4]) == Decimal("20000.5")
        ticker = await client.fetch_ticker(SYMBOL)
        assert Decimal(ticker["last"]) == Decimal("20000.5")
        assert Decimal(ticker["bid"]) == 19_999
        assert set(await client.fetch_tickers()) == {listing.symbol for listing in LISTINGS}
        prices = await client.fetch_last_prices()
        assert Decimal(prices[SYMBOL]["price"]) == Decimal("20000.5")
        average = await client.public_get_avgprice({"symbol": "BTCUSDT"})
        assert average["price"] == "20000.50000000"


async def test_fees_and_rights_are_told_where_the_real_network_tells_them():
    async with open_ground() as ground, ground.client() as client:
        fee = await client.fetch_trading_fee(SYMBOL)
        assert Decimal(fee["taker"]) == LISTINGS[0].taker_fee
        rights = await client.sapi_get_account_apirestrictions()
        assert (rights["ipRestrict"], rights["enableWithdrawals"]) == (False, False)
        assert rights["enableSpotAndMarginTrading"] is True
        account = await client.private_get_account()
        assert (account["canTrade"], account["permissions"]) == (True, ["SPOT"])


async def test_a_question_that_is_not_understood_is_refused_by_its_code():
    questions = {
        "-1121": {"symbol": "btcusdt"},
        "-1102": {},
        "-1104": {"symbol": "BTCUSDT", "colour": "red"},
        "-1100": {"symbol": "BTCUSDT", "limit": "many"},
    }
    async with open_ground() as ground, ground.client() as client:
        for code, question in questions.items():
            with pytest.raises(ccxt.BaseError, match=f'"code":{code},'):
                await client.public_get_depth(question)
