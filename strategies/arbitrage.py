"""Buys where it is cheap and sells where it is dear: one symbol at two venues."""

from decimal import Decimal

from alphaforge import Order, Quote, Strategy


class Arbitrage(Strategy):
    """Takes both sides at once when one venue bids more than the other asks.

    Needs coins at both venues and money at both: nothing is moved between them. Every order is
    IOC at the price that was seen, so that a price that has gone is missed and not chased. What
    filled on one side only is evened out at the market as soon as both orders have ended. With
    `min_edge_bps` above twice the fee each round trip pays; inventory leans to one venue until
    the spread turns, up to `max_moved`.
    """

    symbol_a: str = "BTC/USDT@a"
    symbol_b: str = "BTC/USDT@b"
    quantity: str = "0.01"
    min_edge_bps: float = 25.0  # bid there over ask here, in 1/10,000; must cover both fees
    max_moved: str = "0.05"  # base units bought at one venue and sold at the other, at most

    def on_start(self) -> None:
        """Listen to both venues' quotes."""
        self.quotes: dict[str, Quote] = {}
        self.subscribe_quotes(self.symbol_a)
        self.subscribe_quotes(self.symbol_b)

    def on_quote(self, quote: Quote) -> None:
        """Compare the two venues whenever one of them moves."""
        self.quotes[quote.symbol] = quote
        if {self.symbol_a, self.symbol_b} <= self.quotes.keys() and not self.orders():
            self.compare(self.symbol_a, self.symbol_b)
            self.compare(self.symbol_b, self.symbol_a)

    def on_order(self, order: Order) -> None:
        """Even out what one side filled and the other did not, once nothing works any more."""
        if order.is_open or order.tag == "even" or self.orders():
            return
        net = self.net()
        if net:
            verb = self.sell if net > 0 else self.buy
            verb(self.dearer() if net > 0 else self.cheaper(), abs(net), tag="even")

    def compare(self, cheap: str, dear: str) -> None:
        """Trade if the dear venue bids enough over what the cheap one asks."""
        ask, bid = self.quotes[cheap].ask, self.quotes[dear].bid
        edge_bps = (bid - ask) / ask * 10_000
        moved = self.position(cheap).quantity
        if edge_bps < self.min_edge_bps or moved + Decimal(self.quantity) > Decimal(self.max_moved):
            return
        size = min(self.quotes[cheap].ask_size, self.quotes[dear].bid_size)
        quantity = min(Decimal(self.quantity), Decimal(str(size)) if size else Decimal(1))
        self.buy(cheap, quantity, limit=ask, tif="IOC", tag="cheap side")
        self.sell(dear, quantity, limit=bid, tif="IOC", tag="dear side")

    def net(self) -> Decimal:
        """What was bought and not sold, or, below zero, sold and not bought."""
        return self.position(self.symbol_a).quantity + self.position(self.symbol_b).quantity

    def cheaper(self) -> str:
        """Where buying costs less now."""
        return min(self.quotes, key=lambda symbol: self.quotes[symbol].ask)

    def dearer(self) -> str:
        """Where selling brings more now."""
        return max(self.quotes, key=lambda symbol: self.quotes[symbol].bid)
