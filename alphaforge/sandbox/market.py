"""One market: its rules, its book, its sleeping stops and its tape.

Values that belong together; the rules of trading are in `trading.py`.
"""

from collections import deque
from decimal import Decimal

from alphaforge.sandbox.matching import Book
from alphaforge.sandbox.stops import Stops
from alphaforge.sandbox.terms import Level, Listing, Print

KEPT_PRINTS = 5_000


class Market:
    """One symbol's state.

    Attributes:
        last: Price of the last trade; the listing's first price before there is one.
        prints: The last of the tape, oldest first.
        trade_id, update_id: Last given out; 0 at the start.
        top: Best bid and ask as last told.
        traded: Prices of trades whose stops have not been looked for yet.
    """

    __slots__ = (
        "book",
        "last",
        "listing",
        "prints",
        "stops",
        "top",
        "trade_id",
        "traded",
        "update_id",
    )

    def __init__(self, listing: Listing) -> None:
        self.listing = listing
        self.book = Book()
        self.stops = Stops()
        self.last: Decimal = listing.first_price
        self.prints: deque[Print] = deque(maxlen=KEPT_PRINTS)
        self.trade_id = self.update_id = 0
        self.top: tuple[Level | None, Level | None] = (None, None)
        self.traded: deque[Decimal] = deque()
