"""The order ticket's fields, and the request they make. Pure: it asks nobody.

Shorthand is written out as soon as a field is left: `25%` of what can be spent or held, `bid`,
`mid`, `ask`, `last` as a price. Must never judge an order: the engine's dry run does.
"""

from decimal import ROUND_DOWN, Decimal
from typing import Final

from alphaforge.client.records import MarketRow
from alphaforge.client.requests import OrderRequest
from alphaforge.tui.dialogs.form import Choice, Field, Form, Switch, Text
from alphaforge.tui.state import AppState
from alphaforge.tui.text import decimal_of

SIDES: Final = ("BUY ▲", "SELL ▼")
TYPES: Final = ("LIMIT", "MARKET", "STOP", "STOP-LIMIT", "TRAIL")
TIFS: Final = ("GTC", "IOC", "FOK")
MANUAL: Final = "manual"

_PRICED: Final = {"LIMIT", "STOP-LIMIT"}
_TRIGGERED: Final = {"STOP", "STOP-LIMIT"}
_HUNDRED: Final = Decimal(100)


class TicketForm(Form):
    """What a person fills in for a new order of one symbol."""

    def __init__(self, view: AppState, symbol: str, side: str) -> None:
        self.symbol = symbol
        self._view = view
        self.side = Choice("side", "side", SIDES, 1 if side == "SELL" else 0)
        self.type = Choice("type", "type", TYPES)
        self.quantity = Text("quantity", "quantity", "", "or 25% 50% 100%")
        self.price = Text("price", "limit", "", "bid mid ask  ↑↓ = 1 tick", self._stepped)
        self.trigger = Text("trigger", "trigger", "", "↑↓ = 1 tick", self._stepped)
        self.trail = Text("trail", "trail by", "", "a distance, or 1%")
        self.tif = Choice("tif", "time in force", TIFS)
        self.post_only = Switch("post_only", "post only")
        self.reduce_only = Switch("reduce_only", "reduce only")
        self.take_profit = Text("take_profit", "take profit", "", "a price, or nothing")
        self.stop_loss = Text("stop_loss", "stop loss", "", "a price, or nothing")
        names = tuple(dict.fromkeys((MANUAL, *view.mirror.strategies)))
        self.strategy = Choice("strategy", "for", names)
        super().__init__(
            [
                *(self.side, self.type, self.quantity, self.price, self.trigger, self.trail),
                *(self.tif, self.post_only, self.reduce_only),
                *(self.take_profit, self.stop_loss, self.strategy),
            ]
        )
        self.is_shown = self._is_shown
        self.price.set(self._quoted("bid" if side == "BUY" else "ask"))
        self.go("quantity")

    def turn(self) -> None:
        """The other side."""
        self.side.at = 1 - self.side.at

    @property
    def is_buy(self) -> bool:
        """Which side is chosen."""
        return self.side.at == 0

    def _is_shown(self, field: Field) -> bool:
        kind = self.type.value
        if field is self.price:
            return kind in _PRICED
        if field is self.trigger:
            return kind in _TRIGGERED
        if field is self.trail:
            return kind == "TRAIL"
        if field is self.post_only:
            return kind == "LIMIT"
        if field is self.tif:
            return kind in _PRICED
        return True

    # Shorthand --------------------------------------------------------------------------------

    @property
    def _market(self) -> MarketRow | None:
        return self._view.mirror.market.get(self.symbol)

    def _quoted(self, word: str) -> str:
        """A price of the market by its name; the last one where there is no quote."""
        market = self._market
        if market is None:
            return ""
        bid, ask = decimal_of(market.bid), decimal_of(market.ask)
        if word == "mid" and bid is not None and ask is not None:
            return f"{(bid + ask) / 2:.{market.price_decimals}f}"
        found = {"bid": market.bid, "ask": market.ask, "last": market.last}.get(word)
        return found or market.last or ""

    def _stepped(self, text: str, steps: int) -> str:
        """One unit of the last shown decimal further; from nothing, the market's price."""
        amount, market = decimal_of(text.strip()), self._market
        if market is None:
            return text
        if amount is None:
            return self._quoted("last")
        unit = Decimal(1).scaleb(-market.price_decimals)
        return f"{max(amount + steps * unit, unit):.{market.price_decimals}f}"

    def write_out(self) -> None:
        """Replace shorthand by the number it stands for."""
        for field in (self.price, self.trigger):
            word = field.value.strip().lower()
            if word in {"bid", "mid", "ask", "last"}:
                field.set(self._quoted(word))
        text = self.quantity.value.strip()
        if text.endswith("%"):
            share = decimal_of(text[:-1].strip())
            found = self._share(share / _HUNDRED) if share is not None else None
            if found is not None:
                self.quantity.set(found)

    def _share(self, share: Decimal) -> str | None:
        """A part of the position for a sale, of the cash for a purchase, cut to what is shown."""
        market, summary = self._market, self._view.summary
        if market is None or summary is None:
            return None
        base, _, quote = self.symbol.partition("/")
        whole = self._held(base)
        if self.is_buy:
            typed = self.price.value if self.price in self.visible() else market.ask or market.last
            price = decimal_of(typed)
            cash = decimal_of(summary.cash.get(quote.partition(":")[0]))
            if not price or cash is None:
                return None
            whole = cash / price
        unit = Decimal(1).scaleb(-market.size_decimals)
        return f"{(max(whole, Decimal(0)) * share).quantize(unit, ROUND_DOWN):f}"

    def _held(self, base: str) -> Decimal:
        """What is held of the symbol by whom the order is for; spot: what the account has."""
        row = self._view.mirror.positions.get(f"{self.strategy.value}|{self.symbol}")
        held = decimal_of(row.quantity) if row is not None else None
        if held is None and self._view.summary is not None and ":" not in self.symbol:
            held = decimal_of(self._view.summary.cash.get(base))
        return abs(held) if held is not None else Decimal(0)

    # The request ------------------------------------------------------------------------------

    def missing(self) -> str:
        """What must still be filled in; empty when the engine can be asked."""
        for field in (self.quantity, self.price, self.trigger, self.trail):
            if (field is self.quantity or self._is_shown(field)) and not field.value.strip():
                return field.label
        return ""

    def request(self, client_id: str, who: str) -> OrderRequest:
        """As it is filled in now, shorthand written out."""
        kind = self.type.value
        return OrderRequest(
            symbol=self.symbol,
            side="BUY" if self.is_buy else "SELL",
            quantity=_number(self.quantity),
            limit=_number(self.price) if kind in _PRICED else None,
            stop=_number(self.trigger) if kind in _TRIGGERED else None,
            trail=self.trail.value.strip() if kind == "TRAIL" else None,
            tif=self.tif.value if kind in _PRICED else "GTC",
            post_only=self.post_only.value and kind == "LIMIT",
            reduce_only=self.reduce_only.value,
            take_profit=_number(self.take_profit) or None,
            stop_loss=_number(self.stop_loss) or None,
            strategy=self.strategy.value,
            client_id=client_id,
            who=who,
        )


def _number(field: Text) -> str:
    """As typed, without the commas people put in."""
    return field.value.strip().replace(",", "")
