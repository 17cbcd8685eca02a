"""What happens to one request between the wire and its dialect: budget, faults, the count.

The order is that of a real venue's front: the budget first, then whatever goes wrong before the
effect, the effect, and whatever goes wrong after it. Must never have an effect twice, or leave out
one that a fault let through.
"""

import asyncio
import re
from collections import Counter
from collections.abc import Mapping
from contextlib import suppress

from aiohttp import web

from alphaforge.sandbox.fault_answers import HTML, changed
from alphaforge.sandbox.fault_terms import Fate
from alphaforge.sandbox.faults import Fault, FaultKind
from alphaforge.sandbox.floor import Call, Dialect, Floor, Handler, Metered, Refusing, Route, past
from alphaforge.sandbox.hindsight import Hindsight
from alphaforge.sandbox.limits import Limits, Ruling, Verdict

LONGEST_HANG_S = 600
"""An answer that never comes holds its handler so long at most."""

_LOOK_S = 1.0
"""How often a request that hangs looks whether its client has left."""

_SYMBOL = re.compile(r'(?:^|[&,{"\s])symbol"?\s*[=:]\s*"?([^"&,}\s]+)')
_CREATES = frozenset({Call.CREATE, Call.REPLACE})
_STATUS = {
    FaultKind.THROTTLE: 429,
    FaultKind.BAN: 418,
    FaultKind.MAINTENANCE: 503,
    FaultKind.REVOKED: 401,
    FaultKind.HTML: 502,
    FaultKind.ERROR_IN_200: 200,
}


class Answering:
    """The front of every dialect of one server.

    Attributes:
        requests: How many came, by dialect and call.
        throttled: How many the budget refused.
    """

    def __init__(self, floor: Floor, hindsight: Hindsight, *, limits: Mapping[str, Limits]) -> None:
        """`limits` by the dialect's name; a dialect without one may ask as often as it likes."""
        self.requests: Counter[str] = Counter()
        self.throttled = 0
        self._floor = floor
        self._hindsight = hindsight
        self._limits = limits
        self._stopping = asyncio.Event()

    def stop(self) -> None:
        """Let go of every request that hangs."""
        self._stopping.set()

    def handler(self, dialect: Dialect, route: Route) -> Handler:
        """The route's handler behind everything that happens before and after it."""

        async def answer(request: web.Request) -> web.StreamResponse:
            self.requests[f"{dialect.name}.{route.call}"] += 1
            if route.call is Call.STREAM:
                return await route.handler(request)
            ruling = self._rule(dialect, route, request)
            if ruling is not None and ruling.verdict is not Verdict.TAKEN:
                response = self._refused(dialect, ruling)
            else:
                response = await self._through(dialect, route, request)
            if ruling is not None and isinstance(dialect, Metered) and not response.prepared:
                response.headers.update(dialect.budget_headers(ruling.used))
            return response

        return answer

    # The budget -------------------------------------------------------------------------------

    def _rule(self, dialect: Dialect, route: Route, request: web.Request) -> Ruling | None:
        limits = self._limits.get(dialect.name)
        if limits is None or not isinstance(dialect, Metered):
            return None
        orders = 1 if route.call in _CREATES else 0
        payer = dialect.payer(request)
        return limits.charge(payer, self._floor.clock(), weight=route.weight, orders=orders)

    def _refused(self, dialect: Dialect, ruling: Ruling) -> web.StreamResponse:
        self.throttled += 1
        status = ruling.verdict.value
        return response_of(dialect.error(status, "", "", ruling.retry_after), ruling.retry_after)

    # Faults -----------------------------------------------------------------------------------

    async def _through(
        self, dialect: Dialect, route: Route, request: web.Request
    ) -> web.StreamResponse:
        faults = self._floor.faults
        if not faults:
            return await route.handler(request)
        symbol = await symbol_of(request)
        fate = faults.on_request(dialect.name, route.call, symbol, private=route.is_private)
        if fate.delay:
            await asyncio.sleep(fate.delay)
        if fate.before is not None:
            return await self._blow(dialect, request, fate.before)
        response = await self._effect(route, request, fate)
        if fate.after is not None:
            return await self._blow(dialect, request, fate.after)
        return _changed(response, fate)

    async def _effect(self, route: Route, request: web.Request, fate: Fate) -> web.StreamResponse:
        if not fate.age:
            return await route.handler(request)
        token = past.set(self._hindsight.as_of(self._floor.clock(), fate.age))
        try:
            return await route.handler(request)
        finally:
            past.reset(token)

    async def _blow(
        self, dialect: Dialect, request: web.Request, fault: Fault
    ) -> web.StreamResponse:
        if fault.kind is FaultKind.HANG:
            await self._hang(request)
        if fault.kind in {FaultKind.HANG, FaultKind.DROP}:
            if request.transport is not None:
                request.transport.abort()
            return web.Response()
        return blow(dialect, fault)

    async def _hang(self, request: web.Request) -> None:
        """Answer nothing until the client has left, or the server stops."""
        loop = asyncio.get_running_loop()
        ends = loop.time() + LONGEST_HANG_S
        while request.transport is not None and loop.time() < ends:
            if await self._is_stopped_within(_LOOK_S):
                return

    async def _is_stopped_within(self, seconds: float) -> bool:
        with suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                await self._stopping.wait()
        return self._stopping.is_set()


def blow(dialect: Dialect, fault: Fault) -> web.Response:
    """The error answer a fault makes: its own body, or the dialect's for its status."""
    status = _STATUS.get(fault.kind, fault.status)
    retry_after = fault.retry_after or 0
    if fault.body is not None:
        body = fault.body.encode()
        kind = "text/html" if body.lstrip().startswith(b"<") else "application/json"
        refusing = Refusing(status, body, kind)
    elif fault.kind is FaultKind.HTML:
        refusing = Refusing(status, HTML, "text/html")
    else:
        refusing = dialect.error(status, fault.code, fault.message, retry_after)
    return response_of(refusing, retry_after)


def response_of(refusing: Refusing, retry_after: int) -> web.Response:
    """A refusal as an HTTP answer."""
    headers = dict(refusing.headers or {})
    if retry_after:
        headers.setdefault("Retry-After", str(retry_after))
    return web.Response(
        status=refusing.status,
        body=refusing.body,
        headers=headers,
        content_type=refusing.content_type,
    )


async def symbol_of(request: web.Request) -> str:
    """What a request calls its symbol, in query, form or JSON; empty if it names none."""
    named = request.query.get("symbol")
    if named:
        return named
    if not request.can_read_body:
        return ""
    found = _SYMBOL.search((await request.read()).decode(errors="replace"))
    return found.group(1) if found else ""


def _changed(response: web.StreamResponse, fate: Fate) -> web.StreamResponse:
    if isinstance(response, web.Response) and isinstance(response.body, bytes):
        for fault in fate.changes:
            response.body = changed(response.body, fault)
    return response
