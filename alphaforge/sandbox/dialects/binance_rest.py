"""Binance spot's REST front: reads a request, asks who it is from, writes the answer or the error.

Must never have an effect before the key, the signature and the time of a request are in order.
"""

import msgspec
from aiohttp import web

from alphaforge.sandbox.api_keys import ApiKey, Network
from alphaforge.sandbox.dialects.binance_ask import Answer, Ask
from alphaforge.sandbox.dialects.binance_calls import Spec
from alphaforge.sandbox.dialects.binance_errors import BinanceError, refused
from alphaforge.sandbox.dialects.binance_hosts import network_of
from alphaforge.sandbox.dialects.binance_params import Params
from alphaforge.sandbox.dialects.binance_signing import (
    Visitor,
    admit,
    check_signature,
    form_payload,
)
from alphaforge.sandbox.floor import Floor, Route
from alphaforge.sandbox.terms import RefusedError

_KEY_HEADER = "X-MBX-APIKEY"
_WALLET = "/sapi/"
_NOT_FOUND = 404


def visitor_of(request: web.Request) -> Visitor:
    """Where a request came from, and to which network it was sent."""
    return Visitor(network_of(request.host), request.remote or "")


class Rest:
    """Answers every REST call."""

    def __init__(self, floor: Floor) -> None:
        self._floor = floor

    def route(self, spec: Spec) -> Route:
        """The route of a call."""
        method, _, path = spec.rest.partition(" ")

        async def handler(request: web.Request) -> web.StreamResponse:
            return await self._handle(spec, request)

        return Route(method, path, spec.call, handler, spec.weight, spec.is_private)

    async def _handle(self, spec: Spec, request: web.Request) -> web.StreamResponse:
        visitor = visitor_of(request)
        if visitor.network is Network.TEST and request.path.startswith(_WALLET):
            return web.Response(status=_NOT_FOUND, text="<html>404 Not found</html>")
        body = (await request.read()).decode(errors="replace")
        query = request.raw_path.partition("?")[2]
        try:
            answer = self._ask(spec, request, visitor, (query, body))
        except BinanceError as error:
            return _json(error.told(), error.status)
        except RefusedError as error:
            told = refused(error)
            return _json(told.told(), told.status)
        return _json(answer, 200)

    def _ask(
        self, spec: Spec, request: web.Request, visitor: Visitor, sent: tuple[str, str]
    ) -> Answer:
        now = self._floor.clock()
        params = Params.of_form(*sent)
        name = request.headers.get(_KEY_HEADER, "")
        key: ApiKey | None = admit(self._floor.keys, spec.security, name, visitor, now)
        if key is not None and spec.is_private:
            check_signature(key, params, form_payload(*sent), now)
        return spec.operation(Ask(params, now, key))


def _json(answer: object, status: int) -> web.Response:
    body = msgspec.json.encode(answer)
    return web.Response(status=status, body=body, content_type="application/json")
