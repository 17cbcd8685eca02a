"""A request as Bybit's handlers see it, and the envelope their answers leave in.

A refusal is HTTP 200 with a retCode, as at the venue. Must never let a bad parameter reach the
exchange, nor an error of the dialect's own look like a refusal.
"""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import TypeAlias, cast

import msgspec
from aiohttp import web

from alphaforge.model.numbers import TOO_LARGE, decimal_of
from alphaforge.sandbox.api_keys import ApiKey, Network
from alphaforge.sandbox.dialects.bybit_errors import PARAMS, BybitError, refused
from alphaforge.sandbox.dialects.bybit_names import check_category, find_listing, milliseconds
from alphaforge.sandbox.dialects.bybit_signing import Visitor, check_request, check_trading
from alphaforge.sandbox.floor import Floor
from alphaforge.sandbox.terms import Listing, RefusedError

Json: TypeAlias = dict[str, object]
NS_PER_MS = 1_000_000

_NOBODY = ApiKey(key="", secret="", account="", can_trade=False)
_FLAGS = {"true": True, "1": True, "false": False, "0": False, "": False}


class Asked:
    """One request: its parameters, who asks, and when.

    Attributes:
        key: Whose; a public request's is nobody's.
        now: ns UTC of the exchange.
    """

    def __init__(self, floor: Floor, params: Mapping[str, object], key: ApiKey = _NOBODY) -> None:
        self.floor = floor
        self.params = params
        self.key = key
        self.now = floor.clock()

    @property
    def account(self) -> str:
        """Whose books."""
        return self.key.account

    @property
    def category(self) -> str:
        """`spot`, `linear`, ...; raises 10001 for anything else."""
        category = self.text("category")
        check_category(category)
        return category

    def listing(self) -> Listing:
        """The market asked about; raises 10001 where there is none."""
        return find_listing(self.floor.exchange.listings, self.category, self.needed("symbol"))

    def text(self, name: str, otherwise: str = "") -> str:
        """A text or number as text; raises 10001 for anything else."""
        value = self.params.get(name)
        if value is None:
            return otherwise
        if isinstance(value, bool):
            return "true" if value else "false"
        if isinstance(value, (str, int, float)):
            return str(value)
        raise BybitError(PARAMS, f"params error: {name} invalid")

    def needed(self, name: str) -> str:
        """As `text`, and raises 10001 where it is missing or empty."""
        value = self.text(name)
        if not value:
            raise BybitError(PARAMS, f"params error: {name} is required")
        return value

    def number(self, name: str) -> Decimal | None:
        """An exact number ≥ 0; None where it is missing or empty; raises 10001 for nonsense."""
        text = self.text(name)
        if not text:
            return None
        number = decimal_of(text)
        if not number.is_finite() or not 0 <= number < TOO_LARGE:
            raise BybitError(PARAMS, f"params error: {name} invalid")
        return number

    def price(self, name: str) -> Decimal | None:
        """As `number`, with 0 for none, which is how Bybit's clients leave a price out."""
        return self.number(name) or None

    def flag(self, name: str) -> bool:
        """Yes or no; raises 10001 for anything else."""
        told = _FLAGS.get(self.text(name).lower())
        if told is None:
            raise BybitError(PARAMS, f"params error: {name} invalid")
        return told

    def count(self, name: str, otherwise: int, most: int) -> int:
        """A whole number from 1 to `most`; larger ones are taken for `most`."""
        number = self.number(name)
        if number is None:
            return otherwise
        if number != number.to_integral_value() or number < 1:
            raise BybitError(PARAMS, f"params error: {name} invalid")
        return min(int(number), most)

    def time(self, name: str) -> int | None:
        """A time in ms, as ns; None where it is missing."""
        number = self.number(name)
        return None if number is None else int(number) * NS_PER_MS

    def part(self, params: Mapping[str, object]) -> "Asked":
        """One of the requests of a batch, by the same key."""
        return Asked(self.floor, params, self.key)


Answer: TypeAlias = Callable[[Asked], object]
Handler: TypeAlias = Callable[[web.Request], Awaitable[web.StreamResponse]]


class Gate:
    """Makes web handlers of functions that know nothing of HTTP."""

    def __init__(self, floor: Floor, test_hosts: frozenset[str], hosts: frozenset[str]) -> None:
        self._floor = floor
        self._live_hosts = hosts - test_hosts

    def visitor(self, request: web.Request) -> Visitor:
        """Where it came from, by its Host header and peer address."""
        host = request.host.partition(":")[0].lower()
        network = Network.LIVE if host in self._live_hosts else Network.TEST
        return Visitor(network, request.remote or "")

    def public(self, answer: Answer) -> Handler:
        """Anyone may ask."""

        async def handle(request: web.Request) -> web.StreamResponse:
            return self._answered(answer, lambda _: _NOBODY, request, dict(request.query))

        return handle

    def reading(self, answer: Answer) -> Handler:
        """Any key may ask, by GET."""

        async def handle(request: web.Request) -> web.StreamResponse:
            payload = request.raw_path.partition("?")[2]
            signed = self._signed_by(payload)
            return self._answered(answer, signed, request, dict(request.query))

        return handle

    def acting(self, answer: Answer) -> Handler:
        """A key that may trade asks, by POST with a JSON body."""

        async def handle(request: web.Request) -> web.StreamResponse:
            body = await request.text()

            def signed(request: web.Request) -> ApiKey:
                key = self._signed_by(body)(request)
                check_trading(key)
                return key

            try:
                params = read_object(body)
            except BybitError as error:
                return respond(failure(error, self._floor.clock()))
            return self._answered(answer, signed, request, params)

        return handle

    def _signed_by(self, payload: str) -> Callable[[web.Request], ApiKey]:
        def signed(request: web.Request) -> ApiKey:
            now = self._floor.clock()
            visitor = self.visitor(request)
            return check_request(self._floor.keys, request.headers, payload, visitor, now)

        return signed

    def _answered(
        self,
        answer: Answer,
        signed: Callable[[web.Request], ApiKey],
        request: web.Request,
        params: Mapping[str, object],
    ) -> web.Response:
        try:
            result = run(answer, Asked(self._floor, params, signed(request)))
        except BybitError as error:
            return respond(failure(error, self._floor.clock()))
        return respond(success(result, self._floor.clock()))


def run(answer: Answer, asked: Asked) -> object:
    """The answer's result; a refusal of the exchange raised in Bybit's words."""
    try:
        return answer(asked)
    except RefusedError as error:
        raise refused(error, asked.text("category")) from error


def read_object(text: str) -> dict[str, object]:
    """A JSON object; raises 10001 for anything else."""
    try:
        told: object = msgspec.json.decode(text or "{}")
    except msgspec.DecodeError as error:
        raise BybitError(PARAMS, "params error: the body is not JSON") from error
    if not isinstance(told, dict):
        raise BybitError(PARAMS, "params error: the body is not an object")
    return cast("dict[str, object]", told)


@dataclass(frozen=True)
class Extended:
    """A batch's result: `extra` has each request's own code, beside a retCode of 0."""

    result: Json
    extra: Json


def success(result: object, now: int) -> Json:
    """The envelope of a result."""
    if isinstance(result, Extended):
        return _envelope(0, "OK", result.result, now) | {"retExtInfo": result.extra}
    return _envelope(0, "OK", result, now)


def failure(error: BybitError, now: int) -> Json:
    """The envelope of a refusal."""
    return _envelope(error.code, error.message, {}, now)


def _envelope(code: int, message: str, result: object, now: int) -> Json:
    return {
        "retCode": code,
        "retMsg": message,
        "result": result,
        "retExtInfo": {},
        "time": milliseconds(now),
    }


def respond(envelope: Json) -> web.Response:
    """HTTP 200 with it."""
    return web.Response(body=msgspec.json.encode(envelope), content_type="application/json")


def listed(category: str, rows: list[Json], cursor: str = "") -> Json:
    """A list result with its cursor."""
    return {"category": category, "list": rows, "nextPageCursor": cursor}


def paged(asked: Asked, category: str, rows: list[Json], most: int, usual: int) -> Json:
    """One page of rows, by `limit` and `cursor` (how many came before); the last has none."""
    start = int(asked.number("cursor") or 0)
    end = start + asked.count("limit", usual, most)
    return listed(category, rows[start:end], str(end) if end < len(rows) else "")
