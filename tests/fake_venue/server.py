"""The fake exchange as a process of its own, over a local socket, with faults on demand.

    python -m tests.fake_venue.server --socket PATH [--seed N] [--state FILE] [--faults JSON]

Prints `ready` once it listens. Prices move by the wall clock. Any connection may ask for anything;
what an administrator asks (`ADMIN`) knows no faults. With `--state` the whole exchange is taken up
from that file if it is there, and left in it at SIGTERM.
"""

import argparse
import asyncio
import pickle
import signal
import time
from collections.abc import Mapping
from decimal import Decimal
from operator import attrgetter
from pathlib import Path
from random import Random

import msgspec

from alphaforge.model.claims import BalanceReport
from alphaforge.model.commands import CancelOrder, ModifyOrder, SubmitOrder
from alphaforge.venues.base import ReplyError
from tests.fake_venue import terms as words
from tests.fake_venue.account import Account
from tests.fake_venue.exchange import Exchange
from tests.fake_venue.terms import spot
from tests.fake_venue.wire import FRAME_LIMIT, Faults, Push, Refusal, Reply, Request, Told, line

TICK_S = 0.05
MILLISECOND = 1_000_000
FUNDS = {"BTC": Decimal(10), "ETH": Decimal(100), "USDT": Decimal(1_000_000)}
LISTINGS = (spot("BTC/USDT", "60000"), spot("ETH/USDT", "3000"))

READS = frozenset({"order", "open_orders", "trades", "balances", "positions"})
REQUESTS = frozenset({"submit", "modify", "cancel"})
ADMIN = frozenset({"books", "faults", "open_account", "deposit", "bust", "halt", "resume"})

_reading = msgspec.json.Decoder(Request)


class Connection:
    """One client: its place in the logs, and how to write to it."""

    def __init__(self, writer: asyncio.StreamWriter) -> None:
        self.writer = writer
        self.account = ""
        self.sequence = self.pushed = self.printed = 0
        self.held: list[bytes] = []

    def send(self, frame: Reply | Push) -> None:
        """Write, unless it is closing."""
        if not self.writer.is_closing():
            self.writer.write(line(frame))


class Server:
    """Puts requests to the exchange at the wall clock's time and passes on what is pushed."""

    def __init__(self, exchange: Exchange, seed: int, faults: Faults) -> None:
        self.exchange = exchange
        self.faults: dict[str, Faults] = {}
        self._default = faults
        self._rng = Random(f"{seed}/faults")
        self._connections: list[Connection] = []
        self._tasks: asyncio.TaskGroup

    def now(self) -> int:
        """The wall clock, never backwards."""
        return max(time.time_ns(), self.exchange.now)

    async def serve(self, socket: str) -> None:
        """Until cancelled; a fault of its own ends it."""
        async with asyncio.TaskGroup() as self._tasks:
            await asyncio.start_unix_server(self._talk, socket, limit=FRAME_LIMIT)
            print("ready", flush=True)
            while True:
                self.exchange.advance(self.now())
                self._pass_on()
                await asyncio.sleep(TICK_S)

    async def _talk(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        connection = Connection(writer)
        self._connections.append(connection)
        try:
            while text := await reader.readline():
                self._tasks.create_task(self._answer(connection, _reading.decode(text)))
        except (OSError, ValueError, msgspec.DecodeError) as error:
            print("dropped a client:", error, flush=True)
        finally:
            self._connections.remove(connection)
            writer.close()

    async def _answer(self, connection: Connection, request: Request) -> None:
        if request.method == "subscribe":
            self._subscribe(connection, request.account)
            connection.send(Reply(request.id))
            return
        faults = self.faults.get(request.account, self._default)
        if request.method in READS or request.method in REQUESTS:
            await self._answer_with(faults, connection, request)
        else:
            connection.send(self._effect(request, 0))

    async def _answer_with(self, faults: Faults, connection: Connection, request: Request) -> None:
        """Every fault is drawn for every request, so that one does not shift the others."""
        draw = self._rng.random
        late = draw() < faults.delay
        waits = [draw() * faults.delay_max_ms / 1000 * late for _ in range(2)]
        cut_before, error_before = draw() < faults.cut_before, draw() < faults.error_before
        cut_after, error_after = draw() < faults.cut_after, draw() < faults.error_after
        silent, lies = draw() < faults.drop_reply, draw() < faults.unknown_order
        age = int(draw() * faults.stale_max_ms * MILLISECOND) if draw() < faults.stale else 0
        await asyncio.sleep(waits[0])
        if cut_before:
            connection.writer.transport.abort()
        elif error_before:
            connection.send(_refused(request, words.SERVER, "internal error"))
        elif lies and request.method in {"cancel", "modify"}:
            connection.send(_refused(request, words.UNKNOWN_ORDER, "no such order"))
        else:
            reply = self._effect(request, age)
            self._pass_on()
            await asyncio.sleep(waits[1])
            if cut_after:
                connection.writer.transport.abort()
            elif error_after:
                connection.send(_refused(request, words.SERVER, "internal error"))
            elif not silent:
                connection.send(reply)

    def _effect(self, request: Request, age: int) -> Reply:
        try:
            result = self._do(request, age)
        except ReplyError as no:
            return Reply(request.id, refusal=Refusal(no.reply, str(no), no.retry_after_ns))
        except (KeyError, ValueError, AssertionError) as error:
            return _refused(request, "bad-request", repr(error))
        return Reply(request.id, msgspec.Raw(msgspec.json.encode(result)))

    def _do(self, request: Request, age: int) -> object:
        now = self.now()
        self.exchange.advance(now)
        if request.method in REQUESTS:
            return self._trade(request, now)
        if request.method in READS:
            return self._read(request, now - age)
        if request.method in ADMIN:
            return self._administer(request, now)
        if request.method == "time":
            return now
        if request.method == "instruments":
            return self.exchange.instruments()
        raise ReplyError("bad-request", f"no method {request.method}")

    def _trade(self, request: Request, now: int) -> object:
        command = request.approved.command if request.approved else None
        account, expires_at = request.account, request.expires_at
        if request.method == "submit" and isinstance(command, SubmitOrder):
            return self.exchange.submit(account, command, now, expires_at)
        if request.method == "modify" and isinstance(command, ModifyOrder):
            return self.exchange.modify(account, command, now, expires_at)
        if request.method == "cancel" and isinstance(command, CancelOrder):
            return self.exchange.cancel(account, command, now, expires_at)
        raise ReplyError("bad-request", f"not a {request.method}: {command}")

    def _read(self, request: Request, at: int) -> object:
        account = request.account
        if request.method == "order":
            ids = (request.client_order_id, request.venue_order_id)
            return self.exchange.order(account, request.symbol, *ids, at)
        if request.method == "open_orders":
            return self.exchange.open_orders(account, at)
        if request.method == "trades":
            return self.exchange.trades(account, request.since, at)
        if request.method == "balances":
            return [BalanceReport(*one) for one in self.exchange.balances(account, at).items()]
        return []

    def _administer(self, request: Request, now: int) -> object:
        account, body = request.account, request.body
        if request.method == "books":
            return self.exchange.books(account)
        if request.method == "faults":
            self.faults[account] = msgspec.json.decode(body, type=Faults)
        elif request.method == "open_account":
            funds = msgspec.json.decode(body, type=dict[str, Decimal])
            self.exchange.accounts.setdefault(account, Account(account, funds))
        elif request.method == "deposit":
            for currency, amount in msgspec.json.decode(body, type=dict[str, Decimal]).items():
                self.exchange.deposit(account, currency, amount, now)
        elif request.method == "bust":
            return self.exchange.bust(msgspec.json.decode(body, type=str), now)
        elif request.method == "halt":
            self.exchange.halt(request.symbol)
        else:
            self.exchange.resume(request.symbol)
        return None

    def _subscribe(self, connection: Connection, account: str) -> None:
        self.exchange.advance(self.now())
        connection.account = account
        connection.sequence = 0
        connection.pushed = len(self.exchange.pushes(account))
        connection.printed = len(self.exchange.prints())

    def _pass_on(self) -> None:
        for connection in self._connections:
            if connection.account:
                pushed = self.exchange.pushes(connection.account, connection.pushed)
                printed = self.exchange.prints(connection.printed)
                connection.pushed += len(pushed)
                connection.printed += len(printed)
                for message in sorted([*pushed, *printed], key=attrgetter("ts")):
                    self._push(connection, message)

    def _push(self, connection: Connection, message: Told) -> None:
        faults, draw = self.faults.get(connection.account, self._default), self._rng.random
        connection.sequence += 1
        frame = line(Push(connection.sequence, message))
        if connection.writer.is_closing() or draw() < faults.drop_push:
            return
        if not connection.held and draw() < faults.reorder_push:
            connection.held.append(frame)
            return
        twice = draw() < faults.duplicate_push
        for each in [frame, *connection.held, *([frame] if twice else [])]:
            connection.writer.write(each)
        connection.held.clear()


def _refused(request: Request, code: str, message: str) -> Reply:
    return Reply(request.id, refusal=Refusal(code, message))


def taken_up(
    state: Path | None, seed: int, accounts: Mapping[str, Mapping[str, Decimal]]
) -> Exchange:
    """The exchange as it was left, or a new one."""
    if state is not None and state.exists():
        loaded = pickle.loads(state.read_bytes())
        assert isinstance(loaded, Exchange)
        return loaded
    return Exchange(LISTINGS, accounts, seed=seed, start=time.time_ns())


async def main(arguments: argparse.Namespace) -> None:
    """Serve until SIGTERM."""
    exchange = taken_up(arguments.state, arguments.seed, {arguments.account: FUNDS})
    server = Server(exchange, arguments.seed, msgspec.json.decode(arguments.faults, type=Faults))
    serving = asyncio.create_task(server.serve(arguments.socket))
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, serving.cancel)
    await asyncio.wait([serving])
    if not serving.cancelled():
        serving.result()
    if arguments.state is not None:
        arguments.state.write_bytes(pickle.dumps(exchange))


def parsed() -> argparse.Namespace:
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--socket", required=True)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--account", default="main")
    parser.add_argument("--state", type=Path, default=None)
    parser.add_argument("--faults", default="{}")
    return parser.parse_args()


if __name__ == "__main__":
    asyncio.run(main(parsed()))
