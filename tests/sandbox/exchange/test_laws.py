"""Laws that hold whatever several accounts do: of money, of the book, and of what is told."""

from collections import defaultdict
from decimal import ROUND_CEILING, Decimal

from hypothesis import example, given
from hypothesis import strategies as st

from alphaforge.sandbox.positions import Position
from alphaforge.sandbox.terms import (
    Balance,
    BalancesChanged,
    BookChanged,
    Kind,
    OrderChanged,
    Print,
    Refusal,
    Standing,
    TopChanged,
)
from tests.sandbox.exchange import calls as made
from tests.sandbox.exchange.desk import BUY, PERP, SELL, D

STEP = D("1e-8")
ORDINARY = [name for name in made.NAMES if not name.startswith("@")]


def played(calls):
    """The exchange after each call, and what it has told so far."""
    exchange, told = made.start()
    for now, call in enumerate(calls, start=1):
        made.make(exchange, call, now)
        yield exchange, told


def totals(exchange):
    money = defaultdict(Decimal)
    for account in exchange.accounts:
        for currency, balance in exchange.balances(account).items():
            money[currency] += balance.total
    return money


@given(made.calls)
def test_money_is_neither_made_nor_lost(calls):
    deposited = {currency: amount * len(made.NAMES) for currency, amount in made.FUNDS.items()}
    for exchange, _ in played(calls):
        assert totals(exchange) == deposited


@given(made.calls)
def test_nobody_owes_and_locked_is_what_open_orders_need(calls):
    for exchange, _ in played(calls):
        for name in ORDINARY:
            needed = needs(exchange, name)
            for currency, balance in exchange.balances(name).items():
                assert balance.free >= 0
                assert balance.locked >= 0
                firm, margin = needed[currency]
                assert balance.locked == min(firm + margin, balance.total)
                assert firm <= balance.total


def needs(exchange, name):
    """(locked by spot orders, by perpetuals) per currency, worked out anew."""
    firm, margin = defaultdict(Decimal), defaultdict(Decimal)
    groups = defaultdict(list)
    for order in exchange.open_orders(name):
        if order.symbol != PERP:
            groups[order.list_id or -order.order_id].append(order)
    for orders in groups.values():
        currency, amount = max(spot_need(exchange, order) for order in orders)
        firm[currency] += amount
    margin["USDT"] = perpetual_need(exchange, name)
    return defaultdict(
        lambda: (D(0), D(0)),
        {currency: (firm[currency], margin[currency]) for currency in (*firm, *margin)},
    )


def spot_need(exchange, order):
    listing = exchange.listings[order.symbol]
    if order.side is SELL:
        return listing.base, order.leaves
    price = order.trigger_price if order.limit_price is None else order.limit_price
    value = order.leaves * price
    fee = max(listing.maker_fee, listing.taker_fee)
    if not listing.fee_in_received:
        value += (value * fee).quantize(STEP, ROUND_CEILING)
    return "USDT", value


def perpetual_need(exchange, name):
    listing = exchange.listings[PERP]
    sums = {BUY: D(0), SELL: D(0)}
    for order in exchange.open_orders(name, PERP):
        if order.standing is Standing.OPEN and not order.reduce_only:
            sums[order.side] += order.leaves * order.limit_price
    position = exchange._ledger.accounts[name].positions.get(PERP, Position(listing.leverage))
    cost = position.cost if position.quantity >= 0 else -position.cost
    worst = max(abs(cost), cost + sums[BUY], sums[SELL] - cost)
    fee = ((worst - abs(cost)) * listing.taker_fee).quantize(STEP, ROUND_CEILING)
    return (worst / listing.leverage).quantize(STEP, ROUND_CEILING) + fee


@given(made.calls)
def test_what_one_buys_another_sells(calls):
    for exchange, told in played(calls):
        bought = defaultdict(Decimal)
        for event in told:
            if isinstance(event, OrderChanged) and event.execution:
                done = event.execution
                sign = 1 if done.side is BUY else -1
                bought[done.symbol] += sign * done.quantity
        assert not any(bought.values())
        assert sum(view.quantity for name in made.NAMES for view in exchange.positions(name)) == 0


@given(made.calls)
def test_an_orders_fills_add_up_to_what_it_says(calls):
    *_, (exchange, _) = played(calls)
    for name in ORDINARY:
        filled, value = defaultdict(Decimal), defaultdict(Decimal)
        for done in exchange.executions(name):
            filled[done.order_id] += done.quantity
            value[done.order_id] += done.quantity * done.price
        for symbol in exchange.listings:
            for order in exchange.orders(name, symbol):
                assert (order.filled, order.filled_value) == (
                    filled[order.order_id],
                    value[order.order_id],
                )
                assert order.filled <= order.quantity
                assert (order.standing is Standing.FILLED) == (
                    order.filled == order.quantity
                    and not order.is_open
                    and order.standing is not Standing.EXPIRED
                )


@given(made.calls)
def test_the_depth_is_the_sum_of_what_open_orders_show_and_never_crossed(calls):
    for exchange, _ in played(calls):
        for symbol in exchange.listings:
            sizes = shown(exchange, symbol)
            depth = exchange.depth(symbol, 1_000)
            assert depth.bids == tuple(sorted(sizes[BUY].items(), reverse=True))
            assert depth.asks == tuple(sorted(sizes[SELL].items()))
            assert not (depth.bids and depth.asks) or depth.bids[0][0] < depth.asks[0][0]


def shown(exchange, symbol):
    """Sizes by side and price, summed from the accounts' open orders."""
    sizes = {BUY: defaultdict(Decimal), SELL: defaultdict(Decimal)}
    orders = [order for name in made.NAMES for order in exchange.open_orders(name, symbol)]
    for order in orders:
        if order.standing is Standing.OPEN:
            assert order.kind is Kind.LIMIT
            assert 0 < order.shown <= order.leaves
            assert order.shown == order.leaves or order.visible is not None
            sizes[order.side][order.limit_price] += order.shown
    return sizes


class Follower:
    """Keeps the books from what is told, as a client does."""

    def __init__(self):
        self.levels = defaultdict(dict)
        self.ids, self.tops = defaultdict(int), {}
        self.money = {name: {} for name in ORDINARY}

    def hear(self, event):
        if isinstance(event, BookChanged):
            changes = {("b", price): size for price, size in event.bids}
            changes |= {("a", price): size for price, size in event.asks}
            assert event.first_id == self.ids[event.symbol] + 1
            assert event.last_id - event.first_id + 1 == len(changes)
            self.ids[event.symbol] = event.last_id
            self.levels[event.symbol].update(changes)
        elif isinstance(event, TopChanged):
            self.tops[event.symbol] = (event.bid, event.ask)
        elif isinstance(event, BalancesChanged):
            self.money[event.account].update(event.balances)

    def check(self, exchange):
        for symbol in exchange.listings:
            depth = exchange.depth(symbol, 1_000)
            book = {("b", price): size for price, size in depth.bids}
            book |= {("a", price): size for price, size in depth.asks}
            assert {key: size for key, size in self.levels[symbol].items() if size} == book
            assert depth.update_id == self.ids[symbol]
            assert self.tops.get(symbol, (None, None)) == exchange.top(symbol)
        for account, balances in self.money.items():
            now = exchange.balances(account)
            untold = {currency: Balance(amount) for currency, amount in made.FUNDS.items()}
            assert now == untold | balances


@given(made.calls)
def test_who_follows_the_messages_has_the_books(calls):
    follower, heard = Follower(), 0
    for exchange, told in played(calls):
        for event in told[heard:]:
            follower.hear(event)
        heard = len(told)
        follower.check(exchange)


@given(made.calls)
def test_the_same_calls_are_told_the_same(calls):
    (first, told), (second, also_told) = made.start(), made.start()
    for now, call in enumerate(calls):
        assert made.make(first, call, now) == made.make(second, call, now)

    assert told == also_told
    assert first.save() == second.save()


@given(made.calls, made.calls)
def test_a_saved_exchange_has_the_same_future(before, after):
    exchange, told = made.start()
    for now, call in enumerate(before):
        made.make(exchange, call, now)
    restored, also_told = made.start()
    restored.load(exchange.save())
    told.clear()
    assert restored.save() == exchange.save()

    for now, call in enumerate(after, start=len(before)):
        assert made.make(exchange, call, now) == made.make(restored, call, now)

    assert told == also_told
    assert restored.save() == exchange.save()


@given(made.calls, made.one)
def test_a_refused_call_changes_nothing(calls, last):
    exchange, told = made.start()
    for now, call in enumerate(calls):
        made.make(exchange, call, now)
    before, heard = exchange.save(), len(told)

    refusals = [refusal.value for refusal in Refusal]
    if made.make(exchange, last, len(calls)) in refusals:
        assert exchange.save() == before
        assert len(told) == heard


class NaiveBook:
    """Price-time priority the long way round: a list, sorted anew for every order."""

    def __init__(self):
        self.resting = []
        self.trades = []

    def place(self, number, side, price, quantity):
        opposite = [each for each in self.resting if each["side"] is not side]
        sign = 1 if side is BUY else -1
        opposite.sort(key=lambda each: (sign * each["price"], each["id"]))
        for maker in opposite:
            if not quantity or sign * maker["price"] > sign * price:
                break
            traded = min(quantity, maker["quantity"])
            self.trades.append((number, maker["id"], maker["price"], traded))
            quantity -= traded
            maker["quantity"] -= traded
        self.resting = [each for each in self.resting if each["quantity"]]
        if quantity:
            self.resting.append({"id": number, "side": side, "price": price, "quantity": quantity})


@given(
    st.lists(
        st.tuples(
            made.sides,
            st.integers(98, 102).map(Decimal),
            st.integers(1, 5).map(Decimal),
        ),
        max_size=60,
    )
)
@example([(SELL, D(100), D(1)), (SELL, D(100), D(2)), (BUY, D(101), D(2))])
def test_price_comes_before_time_and_time_before_all_else(orders):
    exchange, told = made.start()
    naive = NaiveBook()
    for number, (side, price, quantity) in enumerate(orders, start=1):
        call = made.Call("place", "@maker", "BTC/USDT", side, quantity, price)
        made.make(exchange, call, number)
        naive.place(number, side, price, quantity)

    pairs = [
        event.execution for event in told if isinstance(event, OrderChanged) and event.execution
    ]
    trades = [
        (taker.order_id, maker.order_id, taker.price, taker.quantity)
        for taker, maker in zip(pairs[::2], pairs[1::2], strict=True)
    ]
    assert trades == naive.trades
    assert len([event for event in told if isinstance(event, Print)]) == len(trades)
