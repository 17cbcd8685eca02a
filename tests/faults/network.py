"""The network faults (42-55 of the catalogue) over real sockets: found out, healed, nothing lost.

Each is played on a run with a resting order, which is filled in part while the network is bad:
that fill is what a gap hides. Measured is how long it takes until the run knows that it does not
know (in heartbeats), and until everything is whole again.
"""

import asyncio
import socket
import tempfile
from collections.abc import Callable, Sequence
from contextlib import suppress
from decimal import Decimal
from pathlib import Path
from typing import Any, NamedTuple

from aiohttp.abc import AbstractResolver, ResolveResult

from alphaforge.errors import AlphaForgeError
from alphaforge.sandbox.fault_terms import Fault, FaultKind
from alphaforge.sandbox.tls import Certificates
from alphaforge.venues.ccxt_client import KEEP_ALIVE_MS
from tests.faults.books import differences
from tests.faults.cells import NEAR, fill
from tests.faults.proxy import Way
from tests.faults.stage import Stage, Terms, stage
from tests.venues.local import ACCOUNT

HEARTBEAT_SECONDS = KEEP_ALIVE_MS / 1000
DETECT_SECONDS = 30.0
HEAL_SECONDS = 60.0
HUGE_BYTES = 64 * 1024 * 1024


class Trouble(NamedTuple):
    """One thing that a network does.

    Attributes:
        number: Of the fault catalogue.
        begin, end: Make it so, and well again.
        heartbeats: Within so many it must be found out; 0 = there is nothing to find out.
        seconds: How long it lasts at least.
        sends: An order is sent while it lasts.
    """

    number: int
    name: str
    begin: Callable[[Stage], object]
    end: Callable[[Stage], object]
    heartbeats: float = 0.0
    seconds: float = 0.0
    sends: bool = True


class Figures(NamedTuple):
    """What one trouble showed.

    Attributes:
        detected_s: Until the run knew; None where it need not.
        healed_s: From its end until all was settled and both books were equal.
        hidden: Fills that happened meanwhile.
        reconnects: Streams lost, by the adapter's count.
        connections: New ones through the proxy.
    """

    number: int
    name: str
    limit: float = 0.0
    detected_s: float | None = None
    healed_s: float = 0.0
    hidden: int = 0
    reconnects: int = 0
    connections: int = 0
    wrong: tuple[str, ...] = ()


def _way(**terms: Any) -> Callable[[Stage], None]:
    def change(set_up: Stage) -> None:
        set_up.proxy.way = Way(**terms)

    return change


def _fault(kind: FaultKind, **terms: Any) -> Callable[[Stage], None]:
    def add(set_up: Stage) -> None:
        set_up.local.faults.add(Fault(kind=kind, **terms))

    return add


def _well(set_up: Stage) -> None:
    set_up.proxy.way = Way()
    set_up.local.well_again()


def _refused(set_up: Stage) -> None:
    set_up.proxy.way = Way(refuses=True)
    set_up.proxy.reset()


def _storm(set_up: Stage) -> None:
    set_up.local.fault(FaultKind.STORM)
    set_up.proxy.cut()


def _limited(set_up: Stage) -> None:
    set_up.local.fault(FaultKind.CONNECTION_LIMIT, limit=1)
    set_up.proxy.cut()


class _NoNames(AbstractResolver):
    """Name service is gone."""

    async def resolve(
        self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_INET
    ) -> list[ResolveResult]:
        raise OSError(socket.EAI_AGAIN, "Temporary failure in name resolution", host)

    async def close(self) -> None:
        """Nothing is open."""


_resolvers: dict[int, list[tuple[Any, AbstractResolver]]] = {}


def _connectors(set_up: Stage) -> list[Any]:
    clients = set_up.venue._clients
    assert clients is not None
    assert clients.trade is not None
    return [each._session.connector for each in (clients.data, clients.trade)]


def _nameless(set_up: Stage) -> None:
    found = [(each, each._resolver) for each in _connectors(set_up)]
    _resolvers[id(set_up)] = found
    for connector, _ in found:
        connector._resolver = _NoNames()
    set_up.proxy.reset()


def _named(set_up: Stage) -> None:
    for connector, resolver in _resolvers.pop(id(set_up)):
        connector._resolver = resolver


NETWORK = (
    Trouble(42, "reset", lambda s: s.proxy.reset(), _well, 1),
    Trouble(42, "closed in order", lambda s: s.proxy.cut(), _well, 1),
    Trouble(42, "reset, and refused for 5 s", _refused, _well, 1, 5),
    Trouble(43, "half-open, everything", _way(is_dark=True), _well, 2, sends=False),
    Trouble(
        43,
        "half-open, private sockets",
        lambda s: s.local.acts.act(
            Fault(kind=FaultKind.HALF_OPEN, private=True), s.local.clock.now()
        ),
        _well,
        2.5,
        sends=False,
    ),
    Trouble(44, "no name service, and reset", _nameless, _named, 1, 5),
    Trouble(46, "5 s round trip", _way(delay_s=2.5), _well, 0, 15),
    Trouble(47, "1 B/s", _way(bytes_per_second=1.0), _well, 2, sends=False),
    Trouble(47, "pieces of 7 bytes", _way(piece=7), _well, 0, 3),
    Trouble(48, "frames twice", _fault(FaultKind.PUSH_DUPLICATE), _well, 0, 3),
    Trouble(49, "frames in another order", _fault(FaultKind.PUSH_REORDER), _well, 0, 3),
    Trouble(50, "frames lost, 1 of 3", _fault(FaultKind.PUSH_DROP, probability=0.33), _well, 0, 8),
    Trouble(51, "reconnect storm", _storm, _well, 1, 10),
    Trouble(52, "private stream dead", _fault(FaultKind.SILENT, private=True), _well, 2),
    Trouble(53, "public streams dead", _fault(FaultKind.SILENT, private=False), _well, 0, 12),
    Trouble(54, "one connection allowed", _limited, _well, 1, 5),
    Trouble(55, "frame of 64 MiB", _fault(FaultKind.HUGE, size=HUGE_BYTES, times=1), _well, 0, 5),
)


async def endure(trouble: Trouble, made: Certificates) -> Figures:
    """Play one on an exchange of its own."""
    with tempfile.TemporaryDirectory(prefix="alphaforge-faults-") as folder:
        figures = Figures(trouble.number, trouble.name, trouble.heartbeats)
        try:
            async with stage(made, Path(folder), Terms(is_proxied=True)) as set_up:
                figures = await _play(trouble, set_up, figures)
            return figures._replace(wrong=figures.wrong + tuple(differences(set_up, is_over=True)))
        except (TimeoutError, AlphaForgeError, AssertionError, ExceptionGroup) as error:
            why = f"died: {type(error).__name__}: {error}"
            return figures._replace(wrong=(why,))


async def _play(trouble: Trouble, set_up: Stage, figures: Figures) -> Figures:
    clock = asyncio.get_running_loop().time
    health = set_up.venue.health
    await set_up.take()
    order = await set_up.rest(NEAR)
    before, taken = health.reconnects, set_up.proxy.taken
    booked = len(set_up.local.exchange.executions(ACCOUNT))
    began = clock()
    trouble.begin(set_up)
    for share in ("0.25", "0.5"):
        fill(set_up, order, Decimal(share))
    sent = [await set_up.do(set_up.buys)] if trouble.sends else []
    wrong: list[str] = []
    if trouble.heartbeats:
        with suppress(TimeoutError):
            await set_up.until(lambda: health.reconnects > before, DETECT_SECONDS)
            figures = figures._replace(detected_s=clock() - began)
        if (figures.detected_s or DETECT_SECONDS) > trouble.heartbeats * HEARTBEAT_SECONDS:
            wrong.append(f"late: found out after {figures.detected_s} s")
    await _last(set_up, began + trouble.seconds - clock())
    hidden = len(set_up.local.exchange.executions(ACCOUNT)) - booked
    trouble.end(set_up)
    ended = clock()
    await set_up.until(lambda: _is_whole(set_up), HEAL_SECONDS)
    figures = figures._replace(healed_s=clock() - ended, hidden=hidden)
    await set_up.take()
    await set_up.do(lambda hand: hand.cancel_all())
    await set_up.until(lambda: _is_whole(set_up) and not set_up.engine.execution.orders)
    wrong += [f"in doubt: {each.order_id}" for each in sent if each.in_doubt]
    return figures._replace(
        reconnects=health.reconnects - before,
        connections=set_up.proxy.taken - taken,
        wrong=tuple(wrong),
    )


async def _last(set_up: Stage, seconds: float) -> None:
    """Let it go on for so long: that is what is played."""
    if seconds > 0:
        with suppress(TimeoutError):
            await set_up.until(lambda: False, seconds)


def _is_whole(set_up: Stage) -> bool:
    """Nothing in doubt, every stream up, and both books equal."""
    health = set_up.venue.health
    is_up = health.streams == health.streams_wanted and not set_up.is_left_alone
    return is_up and set_up.is_settled and not differences(set_up)


# Telling --------------------------------------------------------------------------------------


def told(figures: Figures) -> str:
    """One trouble in a line, and what was wrong."""
    state = "FAIL" if figures.wrong else "ok  "
    line = (
        f"{state} {figures.number} {figures.name:<28} {_detected(figures):<22} whole "
        f"{figures.healed_s:5.1f} s after it, {figures.hidden} hidden fills, "
        f"{figures.reconnects} streams lost, {figures.connections} connections"
    )
    return "\n".join([line, *(f"       {each}" for each in figures.wrong)])


def _detected(figures: Figures) -> str:
    if figures.detected_s is None:
        return "nothing to find out" if not figures.limit else "not found out"
    beats = figures.detected_s / HEARTBEAT_SECONDS
    return f"found in {figures.detected_s:.1f} s ({beats:.1f})"


def markdown(results: dict[str, Figures]) -> str:
    """The table for docs/reliability.md."""
    head = (
        "| what the network does | found out after | whole again after | fills hidden, all booked "
        "| streams lost | new connections |"
    )
    rows = [head, "|---|---|---|---|---|---|"]
    for trouble in NETWORK:
        figures = results.get(name_of(trouble))
        if figures is None:
            continue
        wrong = " **FAIL**" if figures.wrong else ""
        rows.append(
            f"| {figures.number} {figures.name}{wrong} | {_cell(figures)} | "
            f"{figures.healed_s:.1f} s | {figures.hidden} | {figures.reconnects} | "
            f"{figures.connections} |"
        )
    return "\n".join(rows)


def _cell(figures: Figures) -> str:
    if figures.detected_s is None:
        return "-"
    beats = figures.detected_s / HEARTBEAT_SECONDS
    return f"{figures.detected_s:.1f} s, {beats:.1f} heartbeats"


def name_of(trouble: Trouble) -> str:
    """As the command line knows it."""
    return f"{trouble.number} {trouble.name}"


def by_name(names: Sequence[str]) -> list[Trouble]:
    """Those whose name holds one of some texts; all of them without any."""
    return [each for each in NETWORK if not names or any(text in name_of(each) for text in names)]
