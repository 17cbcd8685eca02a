"""Rests a bid and an ask around the middle, leans against its inventory, requotes when it moved."""

from decimal import Decimal

from alphaforge import Fill, Order, Quote, Strategy, Trade


class MarketMaker(Strategy):
    """Earns the spread between a resting bid and a resting ask, within an inventory limit.

    Both quotes are post-only. When the middle has moved by `requote_bps` they are taken away and
    put back where they belong (not every venue can modify an order). They lean away from the
    inventory: the more is held, the lower both stand. Where the account cannot go short (spot,
    cash), the first ask beyond the holding is denied, and it asks no more than it has.
    """

    symbol: str = "BTC/USDT"
    quantity: str = "0.01"
    spread_bps: float = 4.0  # between bid and ask, in 1/10,000 of the middle
    requote_bps: float = 1.0  # how far the middle moves before the quotes follow
    lean_bps: float = 2.0  # how far both stand off at the inventory limit
    max_inventory: str = "0.05"  # base units held long, or short, at most

    def on_start(self) -> None:
        """Listen to quotes, and to trades for data that have none."""
        self.bid: Order | None = None
        self.ask: Order | None = None
        self.quoted_at = 0.0
        self.has_quotes = False
        self.may_short = True
        self.stopping = False
        self.subscribe_quotes(self.symbol)
        self.subscribe_trades(self.symbol)

    def on_quote(self, quote: Quote) -> None:
        """Follow the middle of the quote."""
        self.has_quotes = True
        self.follow(quote.mid)

    def on_trade(self, trade: Trade) -> None:
        """Let the last trade stand for the middle where there are no quotes."""
        if not self.has_quotes:
            self.follow(trade.price)

    def on_order(self, order: Order) -> None:
        """Put back what was taken away; a denied ask says that this account cannot go short."""
        if order.status == "CANCELED" and not self.stopping:
            self.requote(self.quoted_at)
        elif order.status == "DENIED" and order.side == "SELL":
            self.may_short = False

    def on_fill(self, _fill: Fill) -> None:
        """Lean the other way, and put the filled side back."""
        self.requote(self.quoted_at)

    def on_stop(self) -> None:
        """Leave nothing resting."""
        self.stopping = True
        self.cancel_all(self.symbol)

    def follow(self, middle: float) -> None:
        """Requote once the middle has moved far enough."""
        moved_bps = abs(middle - self.quoted_at) / middle * 10_000
        if moved_bps >= self.requote_bps:
            self.requote(middle)

    def requote(self, middle: float) -> None:
        """Put a quote on each side that inventory and funds allow."""
        self.quoted_at = middle
        held, most = self.position(self.symbol).quantity, Decimal(self.max_inventory)
        lean = float(held / most) * self.lean_bps
        half = self.spread_bps / 2
        bid_price = middle * (1 - (half + lean) / 10_000)
        ask_price = middle * (1 + (half - lean) / 10_000)
        room, have = most - held, held + (most if self.may_short else 0)
        self.bid = self.place(self.bid, room >= Decimal(self.quantity), "buy", bid_price)
        self.ask = self.place(self.ask, have >= Decimal(self.quantity), "sell", ask_price)

    def place(self, order: Order | None, wanted: bool, side: str, price: float) -> Order | None:
        """Start a quote, or take a working one away that is not wanted where it stands."""
        if order is not None and order.is_open:
            if not (wanted and self.stands_at(order, price)):
                self.cancel(order)
            return order
        if not wanted:
            return None
        verb = self.buy if side == "buy" else self.sell
        return verb(self.symbol, self.quantity, limit=price, post_only=True, tag="quote")

    def stands_at(self, order: Order, price: float) -> bool:
        """Whether a quote is close enough to where it belongs."""
        away = abs(float(order.limit_price or 0) - price)
        return away / price * 10_000 < self.requote_bps / 2
