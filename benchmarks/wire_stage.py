"""A place to measure the order path: the built-in exchange in a process of its own, with clients.

Ours is the live adapter, plain ones are ccxt clients that know nothing of us and have an account of
their own there, and a file to note their orders in. Must never measure anything: it only puts
things up and takes them down.
"""

import asyncio
import contextlib
import socket
import sqlite3
import ssl
import sys
from asyncio.subprocess import DEVNULL, PIPE
from collections.abc import AsyncGenerator, Mapping
from pathlib import Path
from typing import Any, NamedTuple, Self, cast

import aiohttp
import msgspec
from aiohttp.abc import AbstractResolver, ResolveResult

from alphaforge.venues.ccxt_access import Access, Local, Network
from alphaforge.venues.ccxt_loading import load_exchange

SYMBOL = "BTC/USDT"
PLAIN_KEY, PLAIN_SECRET = "p" * 64, "q" * 64
PATIENCE_SECONDS = 30.0
CASH = {"USDT": "100000", "BTC": "2"}


class Started(msgspec.Struct, frozen=True):
    """What the exchange says first; see docs/sandbox.md."""

    port: int
    api_key: str
    secret: str
    ca_file: str
    admin_token: str


class Stage(NamedTuple):
    """An exchange that listens, with the accounts `main` (ours) and `plain`."""

    started: Started

    def access(self) -> Access:
        """How our adapter reaches it."""
        started = self.started
        return Access(
            ccxt_id="binance",
            network=Network.TEST,
            api_key=started.api_key,
            secret=started.secret,
            local=Local(started.port, Path(started.ca_file)),
        )

    @contextlib.asynccontextmanager
    async def plain(self, **settings: object) -> AsyncGenerator[Any]:
        """A ccxt client as anybody would make it, on its test network, its markets loaded."""
        trusted = ssl.create_default_context(cafile=self.started.ca_file)
        connector = aiohttp.TCPConnector(ssl=trusted, resolver=_Here(self.started.port))
        async with aiohttp.ClientSession(connector=connector) as session:
            keys = {"apiKey": PLAIN_KEY, "secret": PLAIN_SECRET}
            options = {"fetchMarkets": {"types": ["spot"]}}
            config = {**keys, "session": session, "options": options, **settings}
            client = cast("Any", load_exchange("binance"))(config)
            client.set_sandbox_mode(True)
            await client.load_markets()
            try:
                yield client
            finally:
                await client.close()


class Notes:
    """The least that writes an order down: one row, one statement, one commit in SQLite's log.

    As durable as the journal is by default: a killed process loses none.
    """

    def __init__(self, file: Path) -> None:
        self._connection = sqlite3.connect(file, isolation_level=None)
        self._connection.execute("PRAGMA journal_mode = WAL")
        self._connection.execute("PRAGMA synchronous = NORMAL")
        self._connection.execute("CREATE TABLE orders (id TEXT PRIMARY KEY, terms TEXT)")

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_error: object) -> None:
        self._connection.close()

    def keep(self, order_id: str) -> None:
        """Commit an order, in the thread that sends it."""
        terms = f"{SYMBOL} limit buy 0.001"
        self._connection.execute("INSERT INTO orders VALUES (?, ?)", (order_id, terms))


@contextlib.asynccontextmanager
async def stage() -> AsyncGenerator[Stage]:
    """Put one up until the block ends; it counts no requests, so that none has to wait."""
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        *("-m", "alphaforge", "sandbox", "serve", "--json", "--child", "--no-limits"),
        *("--port", "0", "--seed", "7", "--symbol", SYMBOL),
        *("--cash", ", ".join(f"{amount} {currency}" for currency, amount in CASH.items())),
        stdin=PIPE,
        stdout=PIPE,
        stderr=DEVNULL,
    )
    stdin, stdout = process.stdin, process.stdout
    if stdin is None or stdout is None:
        raise RuntimeError("benchmark: the exchange has no pipes")
    try:
        async with asyncio.timeout(PATIENCE_SECONDS):
            started = msgspec.json.decode(await stdout.readline(), type=Started)
        await _open_plain(started)
        yield Stage(started)
    finally:
        stdin.close()  # its word to end
        await process.wait()


async def _open_plain(started: Started) -> None:
    account = {"name": "plain", "balances": CASH}
    key = {"key": PLAIN_KEY, "secret": PLAIN_SECRET, "account": "plain"}
    headers = {"X-Admin-Token": started.admin_token}
    async with aiohttp.ClientSession(f"http://127.0.0.1:{started.port}", headers=headers) as admin:
        for path, body in (("/admin/accounts", account), ("/admin/keys", key)):
            await _post(admin, path, body)


async def _post(admin: aiohttp.ClientSession, path: str, body: Mapping[str, object]) -> None:
    async with admin.post(path, json=body) as answer:
        answer.raise_for_status()


class _Here(AbstractResolver):
    """Every host name is the exchange's port on this machine."""

    def __init__(self, port: int) -> None:
        self._port = port

    async def resolve(
        self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_INET
    ) -> list[ResolveResult]:
        """See `AbstractResolver`."""
        del port, family
        return [
            ResolveResult(
                hostname=host,
                host="127.0.0.1",
                port=self._port,
                family=socket.AF_INET,
                proto=0,
                flags=socket.AI_NUMERICHOST,
            )
        ]

    async def close(self) -> None:
        """See `AbstractResolver`."""
