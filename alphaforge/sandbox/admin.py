"""The back door: faults, acts, accounts, keys, the exchange's own books, counts.

For tests and for whoever started the server: by address only, with the token that was told at the
start. Must never be reachable under a venue's host name or without the token.
"""

from collections.abc import Mapping
from decimal import Decimal
from hmac import compare_digest
from typing import TypeVar

import msgspec
from aiohttp import web

from alphaforge.errors import ConfigError
from alphaforge.sandbox.answering import Answering
from alphaforge.sandbox.api_keys import ApiKey
from alphaforge.sandbox.books import books_json, clients
from alphaforge.sandbox.fault_acts import Acts
from alphaforge.sandbox.fault_script import read_fault
from alphaforge.sandbox.fault_terms import ACTS
from alphaforge.sandbox.floor import Floor, Handler
from alphaforge.sandbox.market_time import MarketTime

TOKEN_HEADER = "X-Admin-Token"  # noqa: S105 - the header's name


_NS = 1_000_000_000

T = TypeVar("T")


class NewAccount(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """An account to open."""

    name: str
    balances: dict[str, Decimal] = {}


class Admin:
    """The routes under `/admin/`."""

    def __init__(self, floor: Floor, acts: Acts, token: str, dialects: tuple[str, ...]) -> None:
        self._floor = floor
        self._acts = acts
        self._token = token
        self._dialects = dialects
        self.answering: Answering | None = None
        self.market: MarketTime | None = None

    def application(self) -> web.Application:
        """As `ExchangeServer` takes it."""
        app = web.Application()
        for method, path, handler in (
            ("POST", "/admin/faults", self._add),
            ("GET", "/admin/faults", self._list),
            ("DELETE", "/admin/faults", self._clear),
            ("DELETE", "/admin/faults/{number}", self._clear),
            ("POST", "/admin/act", self._act),
            ("POST", "/admin/accounts", self._open),
            ("POST", "/admin/keys", self._add_key),
            ("GET", "/admin/books", self._books),
            ("GET", "/admin/counts", self._counts),
        ):
            app.router.add_route(method, path, self._guarded(handler))
        return app

    def _guarded(self, handler: Handler) -> Handler:
        """The handler for those with the token, its errors told as JSON.

        Not a middleware: those of an application inside another may be left out without a word.
        """

        async def guarded(request: web.Request) -> web.StreamResponse:
            given = request.headers.get(TOKEN_HEADER, "")
            if not compare_digest(given.encode(), self._token.encode()):
                return _told({"error": f"the header {TOKEN_HEADER} is missing or wrong"}, 401)
            try:
                return await handler(request)
            except ConfigError as error:
                told = {"error": error.message, "key": error.key, "fix": error.remedy}
                return _told(told, 400)

        return guarded

    async def _add(self, request: web.Request) -> web.Response:
        """POST a fault, or a list of them."""
        body = await _body(request)
        tables: list[object] = [*body] if isinstance(body, list) else [body]
        faults = [read_fault(table, self._dialects) for table in tables]
        return _told({"numbers": [self._floor.faults.add(fault) for fault in faults]})

    async def _list(self, request: web.Request) -> web.Response:
        """GET the faults that may still strike."""
        del request
        listed = self._floor.faults.listed()
        return _told({"faults": [{"number": number, "fault": fault} for number, fault in listed]})

    async def _clear(self, request: web.Request) -> web.Response:
        """DELETE all of them, or the one with a number."""
        number = request.match_info.get("number", "0")
        if not number.isdecimal():
            raise ConfigError(f"{number} is no number of a fault", key="number")
        return _told({"cleared": self._floor.faults.clear(int(number))})

    async def _act(self, request: web.Request) -> web.Response:
        """POST something to be done to the exchange at once."""
        fault = read_fault(await _body(request), self._dialects)
        if fault.kind not in ACTS:
            kinds = ", ".join(sorted(ACTS))
            raise ConfigError(f"{fault.kind} is not done at once", key="kind", remedy=kinds)
        refused = self._acts.act(fault, self._floor.clock())
        return _told({"done": not refused, "reason": refused})

    async def _open(self, request: web.Request) -> web.Response:
        """POST an account: its name and its start balances."""
        new = _read(await _body(request), NewAccount)
        if new.name in self._floor.exchange.accounts or new.name.startswith("@"):
            raise ConfigError(f"an account {new.name} cannot be opened", key="name")
        if any(not amount.is_finite() or amount < 0 for amount in new.balances.values()):
            raise ConfigError("a balance must be 0 or more", key="balances")
        self._floor.exchange.open_account(new.name, new.balances)
        return _told({"opened": new.name})

    async def _add_key(self, request: web.Request) -> web.Response:
        """POST an API key: a second one, one that has expired, one of the live network."""
        key = _read(await _body(request), ApiKey)
        if key.account not in clients(self._floor.exchange):
            raise ConfigError(f"there is no account {key.account}", key="account")
        self._floor.keys.add(key)
        return _told({"added": key.key})

    async def _books(self, request: web.Request) -> web.Response:
        """GET every account's books."""
        del request
        body = books_json(self._floor.exchange, self._floor.clock())
        return web.Response(body=body, content_type="application/json")

    async def _counts(self, request: web.Request) -> web.Response:
        """GET what came and what struck."""
        del request
        answering = self.answering
        return _told(
            {
                "requests": {} if answering is None else answering.requests,
                "throttled": 0 if answering is None else answering.throttled,
                "sockets": len(self._floor.sockets),
                "behind_s": 0.0 if self.market is None else self.market.behind_ns / _NS,
                "faults": self._floor.faults.injected,
                "missed": list(self._acts.missed),
            }
        )


def _read(body: object, kind: type[T]) -> T:
    try:
        return msgspec.convert(body, kind)
    except msgspec.ValidationError as error:
        raise ConfigError(f"the body is wrong: {error}", key="body") from error


async def _body(request: web.Request) -> object:
    try:
        return msgspec.json.decode(await request.read())
    except msgspec.DecodeError as error:
        raise ConfigError(f"the body is not JSON: {error}", key="body") from error


def _told(content: Mapping[str, object], status: int = 200) -> web.Response:
    body = msgspec.json.encode(content)
    return web.Response(body=body, status=status, content_type="application/json")
