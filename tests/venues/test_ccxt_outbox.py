"""What streams bring waits in order; only what has been overtaken is ever left out."""

from alphaforge.model.enums import OrderSide
from alphaforge.model.market import BookDelta, Quote, Trade
from alphaforge.venues.base import StreamGap, VenueHealth, VenueMessage
from alphaforge.venues.ccxt_outbox import LONG, Outbox


def quote(ts: int, symbol: str = "BTC/USDT") -> Quote:
    return Quote(symbol, ts, 1.0, 2.0)


def trade(ts: int) -> Trade:
    return Trade("BTC/USDT", ts, 1.0, 1.0, OrderSide.BUY, str(ts))


async def drained(outbox: Outbox) -> list[VenueMessage]:
    outbox.close()
    return [each async for each in outbox.read()]


async def test_everything_comes_in_its_order() -> None:
    outbox = Outbox(VenueHealth())
    sent: list[VenueMessage] = [quote(1), trade(2), StreamGap("x"), quote(3), trade(4)]
    for each in sent:
        outbox.put(each)
    assert await drained(outbox) == sent


async def test_a_reader_that_falls_behind_misses_overtaken_quotes_and_no_trade() -> None:
    health = VenueHealth()
    outbox = Outbox(health)
    for ts in range(1, 4 * LONG, 2):
        outbox.put(quote(ts))
        outbox.put(trade(ts + 1))
    got = await drained(outbox)
    trades = [each.ts for each in got if isinstance(each, Trade)]
    quotes = [each.ts for each in got if isinstance(each, Quote)]
    assert trades == list(range(2, 4 * LONG + 1, 2))
    assert quotes[-1] == 4 * LONG - 1
    assert health.conflated == 2 * LONG - len(quotes) > 0
    times = [each.ts for each in got if isinstance(each, Quote | Trade)]
    assert times == sorted(times)


async def test_a_quote_is_overtaken_by_its_own_symbol_only() -> None:
    outbox = Outbox(VenueHealth())
    for ts in range(1, LONG + 1):
        outbox.put(trade(ts))
    outbox.put(quote(LONG + 1, "A"))
    outbox.put(quote(LONG + 2, "B"))
    outbox.put(quote(LONG + 3, "A"))
    got = [(each.symbol, each.ts) for each in await drained(outbox) if isinstance(each, Quote)]
    assert got == [("B", LONG + 2), ("A", LONG + 3)]


async def test_book_changes_put_off_are_told_once_the_reader_has_caught_up() -> None:
    health = VenueHealth()
    outbox = Outbox(health)
    outbox.put(BookDelta("A", 1, (), ()))
    assert not outbox.puts_off("A", lambda: None)
    for ts in range(1, LONG + 1):
        outbox.put(trade(ts))
    later = BookDelta("A", 99, (), ())
    assert outbox.puts_off("A", lambda: outbox.put(later))
    assert outbox.puts_off("A", lambda: outbox.put(later))
    assert not outbox.puts_off("B", lambda: None)
    reading = outbox.read()
    got = [await anext(reading) for _ in range(LONG + 2)]
    assert got[-1] == later
    assert [each for each in got if isinstance(each, BookDelta)] == [got[0], later]
    assert health.conflated == 1


async def test_after_close_nothing_is_added() -> None:
    outbox = Outbox(VenueHealth())
    outbox.put(trade(1))
    outbox.close()
    outbox.put(trade(2))
    assert await drained(outbox) == [trade(1)]
