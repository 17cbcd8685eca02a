"""Asks for what has been, page by page: the account's trades, and bars.

Venues cut an answer off at so many rows and so many days, some from the front and some from the
back. Must never take a page that was cut off for all there is.
"""

from collections.abc import Sequence

from alphaforge.errors import OutcomeUnknownError
from alphaforge.model.claims import FillReport
from alphaforge.model.market import Bar
from alphaforge.venues.ccxt_client import CcxtClient
from alphaforge.venues.ccxt_limiter import Priority
from alphaforge.venues.ccxt_map import Names, bars, fill
from alphaforge.venues.ccxt_values import mapping, rows, text, time_ns

_NS_PER_MS = 1_000_000
_MS_PER_DAY = 86_400_000
_MS_PER_SECOND = 1000
_DEFAULT_PAGE = 100
_MOST_PAGES = 2_000

_LATEST_OF_ALL = frozenset({"binance"})
"""Venues whose answer without times is the latest of the whole history, not of some last days."""


class TradeHistory:
    """The account's trades at one venue."""

    def __init__(self, client: CcxtClient, names: Names) -> None:
        self._client = client
        self._names = names
        self._page = _page_of(client, "fetchMyTrades")
        self._is_page_known = _is_page_known(client, "fetchMyTrades")

    async def since(self, symbol: str | None, since: int, now: int) -> list[FillReport]:
        """All at or after `since` up to `now` (ns), oldest first; `symbol` is ccxt's, or None.

        Raises `OutcomeUnknownError` where the venue can not tell them all.
        """
        found: dict[tuple[str, str], FillReport] = {}
        first, last = since // _NS_PER_MS, now // _NS_PER_MS
        window = self._names.profile.trade_window_days * _MS_PER_DAY
        if window and last - first > window and self._names.profile.ccxt_id in _LATEST_OF_ALL:
            page = await self._ask(symbol, None, None)
            if len(page) < self._page:
                self._keep(page, found, since)
                return _in_order(found)
        seen: set[tuple[str, str, str]] = set()
        spans = _spans(first, last, window)
        for _ in range(_MOST_PAGES):
            if not spans:
                return _in_order(found)
            begin, end = spans.pop()
            until = end if window or end != last else None
            page = await self._ask(symbol, begin, until)
            self._keep(page, found, since)
            ids = {_id_of(raw) for raw in page}
            is_cut = len(page) >= self._page or not self._is_page_known
            if is_cut and ids - seen:
                spans += self._rest(page, begin, end)
            elif is_cut and len(page) >= self._page:
                self._check_end(page, until)
            seen |= ids
        raise OutcomeUnknownError(f"the trades since {since} fill more than {_MOST_PAGES} pages")

    async def _ask(self, symbol: str | None, begin: int | None, end: int | None) -> list[object]:
        params = {"until": str(end)} if end is not None else {}
        answer = await self._client.call("fetch_my_trades", symbol, begin, self._page, params)
        return list(rows(answer, "trades"))

    def _keep(
        self, page: Sequence[object], found: dict[tuple[str, str], FillReport], since: int
    ) -> None:
        for raw in page:
            if not self._names.is_wanted(text(mapping(raw, "trade"), "symbol")):
                continue
            read = fill(raw, self._names)
            if read.ts >= since:
                found[read.symbol + read.side, read.trade_id] = read

    def _rest(self, page: Sequence[object], begin: int, end: int) -> list[tuple[int, int]]:
        """What a full page of a span may have left out: before its first row, after its last."""
        times = _times(page)
        low, high = min(times), max(times)
        if low == high and len(page) >= self._page:
            raise OutcomeUnknownError(
                f"{len(page)} trades or more in one millisecond: the venue can not tell them all"
            )
        # Some venues begin with the oldest row, some with the newest; ccxt sorts them all alike.
        rest = ((begin, min(low, end)), (max(high, begin), end))
        return [span for span in rest if span[0] <= span[1] and span != (begin, end)]

    def _check_end(self, page: Sequence[object], until: int | None) -> None:
        """A venue that does not heed `until` tells its latest rows for ever."""
        if until is not None and max(_times(page)) > until:
            raise OutcomeUnknownError(f"the venue tells its last {len(page)} trades and no others")


def _times(page: Sequence[object]) -> list[int]:
    return [time_ns(mapping(raw, "trade"), "timestamp") // _NS_PER_MS for raw in page]


def _id_of(raw: object) -> tuple[str, str, str]:
    given = mapping(raw, "trade")
    return text(given, "symbol"), text(given, "id"), text(given, "side")


def _spans(first: int, last: int, window: int) -> list[tuple[int, int]]:
    """The spans to ask for, the earliest at the end; both ends are in them."""
    if not window:
        return [(first, last)]
    starts = range(first, last + 1, window)
    return [(start, min(start + window - 1, last)) for start in reversed(starts)]


def _in_order(found: dict[tuple[str, str], FillReport]) -> list[FillReport]:
    return sorted(found.values(), key=lambda each: each.ts)


def _page_of(client: CcxtClient, method: str) -> int:
    """How many rows an answer holds at most, as ccxt knows it."""
    limits = [
        limit
        for segment in ("spot", "swap")
        if isinstance(limit := client.feature(segment, method, "limit"), int) and limit > 0
    ]
    return min(limits, default=_DEFAULT_PAGE)


def _is_page_known(client: CcxtClient, method: str) -> bool:
    """Whether ccxt knows that for every segment of the venue that has the question."""
    told = [
        client.feature(segment, method, "limit")
        for segment in ("spot", "swap")
        if client.feature(segment, method, "symbolRequired") is not None
    ]
    return bool(told) and None not in told


async def last_bars(
    client: CcxtClient, names: Names, symbol: str, kind: str, count: int, now: int
) -> Sequence[Bar]:
    """The last `count` finished bars at `now` (ns); empty for a kind the venue does not keep."""
    seconds = client.timeframe(kind)
    if not seconds or count <= 0:
        return ()
    span = seconds * _MS_PER_SECOND
    page = min(_page_of(client, "fetchOHLCV"), count + 1)
    found: dict[int, Bar] = {}
    begin = now // _NS_PER_MS // span * span - count * span
    while begin * _NS_PER_MS <= now and len(found) < count:
        args = (names.unified(symbol), kind, begin, page)
        answer = rows(await client.call("fetch_ohlcv", *args, priority=Priority.DATA), "bars")
        read = bars(answer, symbol, kind, span * _NS_PER_MS, now)
        found |= {each.ts_open: each for each in read}
        if not answer:
            break
        begin += page * span
    return [found[ts] for ts in sorted(found)][-count:]
