"""The fake venue's process and its back door, for tests that need to know what really happened.

Blocking on purpose: it is used from outside the event loop of whoever is being tested.
"""

import socket
import subprocess
import sys
from collections.abc import Generator, Mapping
from contextlib import contextmanager
from decimal import Decimal
from pathlib import Path
from typing import TypeVar

import msgspec

from alphaforge.model.claims import OrderStatusReport
from alphaforge.model.commands import Approved, SubmitOrder
from alphaforge.venues.base import ReplyError
from tests.fake_venue.terms import Books
from tests.fake_venue.wire import Faults, Reply, Request, line

REPOSITORY = Path(__file__).resolve().parents[2]
ANSWER_S = 10
T = TypeVar("T")


class Admin:
    """Asks the server at `path`, one connection per question."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def open_account(self, account: str, funds: Mapping[str, Decimal]) -> None:
        """A new account with these balances; nothing if there is one of that name."""
        self._ask("open_account", type(None), account, funds)

    def faults(self, account: str, faults: Faults) -> None:
        """What goes wrong for this account from now on; `Faults()` is calm."""
        self._ask("faults", type(None), account, faults)

    def books(self, account: str) -> Books:
        """The complete books."""
        return self._ask("books", Books, account)

    def deposit(self, account: str, currency: str, amount: Decimal) -> None:
        """Money arrives, or leaves if negative."""
        self._ask("deposit", type(None), account, {currency: amount})

    def bust(self, trade_id: str) -> None:
        """Take a trade back."""
        self._ask("bust", object, "", trade_id)

    def halt(self, symbol: str) -> None:
        """No trading in this symbol."""
        self._ask("halt", type(None), symbol=symbol)

    def resume(self, symbol: str) -> None:
        """Trading goes on."""
        self._ask("resume", type(None), symbol=symbol)

    def submit(self, account: str, terms: SubmitOrder) -> OrderStatusReport:
        """An order by somebody else who uses the account; subject to its faults."""
        return self._ask("submit", OrderStatusReport, account, approved=Approved(terms, 0))

    def _ask(
        self,
        method: str,
        kind: type[T],
        account: str = "",
        body: object = None,
        *,
        symbol: str = "",
        approved: Approved | None = None,
    ) -> T:
        request = Request(
            id=1,
            method=method,
            account=account,
            symbol=symbol,
            approved=approved,
            body=msgspec.Raw(msgspec.json.encode(body)),
        )
        with socket.socket(socket.AF_UNIX) as wire:
            wire.settimeout(ANSWER_S)
            wire.connect(str(self.path))
            wire.sendall(line(request))
            with wire.makefile("rb") as answers:
                reply = msgspec.json.decode(answers.readline(), type=Reply)
        if reply.refusal is not None:
            raise ReplyError(reply.refusal.reply, reply.refusal.message)
        return msgspec.json.decode(reply.result, type=kind)


@contextmanager
def serving(path: Path, *arguments: str) -> Generator[Admin]:
    """The server in a process of its own, listening at `path`, with more command-line words."""
    command = [sys.executable, "-m", "tests.fake_venue.server", "--socket", str(path), *arguments]
    with subprocess.Popen(command, cwd=REPOSITORY, stdout=subprocess.PIPE, text=True) as process:
        try:
            assert process.stdout is not None
            ready = process.stdout.readline()
            assert ready == "ready\n", f"the fake venue did not start: {ready!r}"
            yield Admin(path)
        finally:
            process.terminate()
