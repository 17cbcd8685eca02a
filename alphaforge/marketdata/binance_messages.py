"""Messages of raw Binance feed logs, and the first pass over them: decimals and kind of market.

One line per message, `local_ns json`. `ps` or `pair` mean inverse (COIN-M), `pu` in depth messages
a linear perpetual (USD-M), neither spot. Must never make events; `binance_raw` does.
"""

import msgspec

from alphaforge.marketdata.facts import DecimalCounter, FileFacts, SymbolFacts
from alphaforge.marketdata.report import BadRow, ReadReport
from alphaforge.marketdata.times import epoch_scale
from alphaforge.model.enums import InstrumentKind

EXPECTED = 'local time in ns, a space, and the message as JSON: {"stream": …, "data": {…}}'
_TRADE_EVENTS = ("trade", "aggTrade")
_READ_EVENTS = (*_TRADE_EVENTS, "bookTicker", "depthUpdate")

Levels = tuple[tuple[float, float], ...]
TextLevels = list[tuple[str, str]]


class Message(msgspec.Struct, gc=False):
    """The fields of all stream messages that are read; `b` and `a` are levels or a best price."""

    e: str = ""
    E: int = 0
    T: int = 0
    s: str = ""
    U: int = 0
    u: int = 0
    pu: int | None = None
    b: float | Levels = 0.0
    B: float = 0.0
    a: int | float | Levels = 0.0
    A: float = 0.0
    p: float = 0.0
    q: float = 0.0
    t: int = 0
    m: bool = False


class Line(msgspec.Struct, gc=False):
    """A combined-stream message, or the answer to a snapshot request."""

    stream: str = ""
    data: Message | None = None
    lastUpdateId: int = 0  # noqa: N815 - the wire's name
    E: int = 0
    T: int = 0
    symbol: str = ""
    bids: Levels = ()
    asks: Levels = ()


class _TextMessage(msgspec.Struct, gc=False):
    """The same with numbers as they were written, for counting decimals."""

    e: str = ""
    E: int = 0
    T: int = 0
    s: str = ""
    ps: str = ""
    pu: int | None = None
    b: str | TextLevels = ""
    B: str = ""
    a: str | int | TextLevels = ""
    A: str = ""
    p: str = ""
    q: str = ""


class _TextLine(msgspec.Struct, gc=False):
    stream: str = ""
    data: _TextMessage | None = None
    lastUpdateId: int = 0  # noqa: N815 - the wire's name
    E: int = 0
    T: int = 0
    symbol: str = ""
    pair: str = ""
    bids: TextLevels = []
    asks: TextLevels = []


class _ClockMessage(msgspec.Struct, gc=False):
    """Any message, for its time alone: streams that are not traded on still move the clock."""

    E: int = 0
    T: int = 0


class _ClockLine(msgspec.Struct, gc=False):
    data: _ClockMessage | None = None


class _Event(msgspec.Struct, gc=False):
    """Any message, for its kind alone; best prices of the spot feed do not name theirs."""

    e: str = "bookTicker"


class _EventLine(msgspec.Struct, gc=False):
    data: _Event | None = None


_decode_event = msgspec.json.Decoder(_EventLine).decode
decode = msgspec.json.Decoder(Line, strict=False).decode
_decode_text = msgspec.json.Decoder(_TextLine).decode
decode_clock = msgspec.json.Decoder(_ClockLine, strict=False).decode


def recognise(lines: list[str]) -> bool:
    """Whether the first lines of a file are such a log."""
    for line in lines[:20]:
        stamp, _, text = line.partition(" ")
        if stamp.isdigit() and text.startswith("{"):
            return '"stream"' in text or '"lastUpdateId"' in text
    return False


class Scan:
    """The first pass: decimals, symbols and what kind of market the messages come from."""

    def __init__(self) -> None:
        self.facts = FileFacts()
        self._decimals: dict[str, DecimalCounter] = {}
        self._kinds: set[str] = set()
        self._trades: set[str] = set()
        self._inverse = False
        self._linear = False

    def line(self, text: str) -> None:
        """Take one line into account."""
        stamp, _, body = text.partition(" ")
        int(stamp)
        line = _decode_text(body)
        message = line.data
        if message is not None:
            self._message(message)
        elif line.lastUpdateId:
            self._inverse |= bool(line.pair)
            self.facts.snapshots.append(line.symbol)
            self._first_time(line.E or line.T)
            self._levels(line.symbol, line.bids)
            self._levels(line.symbol, line.asks)
            self._kinds.add("book")
        self.facts.rows += 1

    def numbered(self, number: int, text: str, report: ReadReport) -> None:
        """The same; a line that cannot be read is reported with its number."""
        try:
            self.line(text)
        except (ValueError, msgspec.DecodeError) as problem:
            self.facts.rows += not report_line(report, number, text, problem)

    def _message(self, message: _TextMessage) -> None:
        self._inverse |= bool(message.ps)
        self._linear |= message.pu is not None
        self._first_time(message.E or message.T)
        counter = self._counter(message.s)
        if isinstance(message.b, list) or isinstance(message.a, list):
            self._kinds.add("book")
            for levels in (message.b, message.a):
                if isinstance(levels, list):
                    self._levels(message.s, levels)
        elif message.e in _TRADE_EVENTS:
            self._trades.add(message.e)
            counter.add((message.p,), (message.q,))
        elif message.b and message.e in {"", "bookTicker"}:
            self._kinds.add("quotes")
            counter.add((message.b, str(message.a)), (message.B, message.A))

    def _first_time(self, ms: int) -> None:
        if ms and not self.facts.first_venue_ns:
            self.facts.first_venue_ns = ms * epoch_scale(ms)

    def _counter(self, own: str) -> DecimalCounter:
        return self._decimals.setdefault(own, DecimalCounter())

    def _levels(self, own: str, levels: TextLevels) -> None:
        self._counter(own).add_levels(levels)

    def finish(self) -> FileFacts:
        """What was found; a snapshot without a symbol belongs to the only symbol there is."""
        nameless = self._decimals.pop("", None)
        if nameless is not None and len(self._decimals) == 1:
            (counter,) = self._decimals.values()
            counter.price = max(counter.price, nameless.price)
            counter.size = max(counter.size, nameless.size)
        kind, venue = self._market()
        self.facts.symbols = {
            own: SymbolFacts(
                price_decimals=counter.price, size_decimals=counter.size, kind=kind, venue=venue
            )
            for own, counter in self._decimals.items()
        }
        only = next(iter(self._decimals)) if len(self._decimals) == 1 else ""
        owners = dict.fromkeys(own or only for own in self.facts.snapshots)
        self.facts.snapshots = [own for own in owners if own]
        if self._trades:
            self.facts.trade_event = "trade" if "trade" in self._trades else "aggTrade"
            self._kinds.add("trades")
        self.facts.kinds = sorted(self._kinds)
        return self.facts

    def _market(self) -> tuple[InstrumentKind, str]:
        if self._inverse:
            return InstrumentKind.INVERSE, "binancecoinm"
        if self._linear:
            return InstrumentKind.LINEAR, "binanceusdm"
        return InstrumentKind.SPOT, "binance"


def report_line(report: ReadReport, number: int, text: str, problem: Exception) -> bool:
    """Report a line that cannot be read; False when it is only of a stream that is not traded."""
    if not text.strip():
        return True
    if isinstance(problem, msgspec.ValidationError) and _is_other_stream(text):
        return False
    report.add_bad(BadRow(number, _column(problem), _reason(problem), EXPECTED))
    return True


def _is_other_stream(text: str) -> bool:
    try:
        line = _decode_event(text.partition(" ")[2])
    except msgspec.DecodeError:
        return False
    return line.data is not None and line.data.e not in _READ_EVENTS


def _column(problem: Exception) -> str:
    """The JSON path at fault, `data.p`, from `… - at `$.data.p``."""
    _, _, path = str(problem).partition("at `$.")
    return path.rstrip("`")


def _reason(problem: Exception) -> str:
    if isinstance(problem, KeyError):
        return f"unknown symbol {problem.args[0]!r}"
    if isinstance(problem, msgspec.DecodeError):
        return f"the message cannot be read: {str(problem).partition(' - at ')[0]}"
    return f"the line cannot be read: {problem}"
