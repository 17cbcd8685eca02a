"""The program as processes of its own, each in a folder of its own, and a built-in exchange to ask.

Whatever was started is gone at the end of its block, also when the test fails. Nothing here may
judge what the program does.
"""

import gc
import io
import json
import os
import signal
import subprocess
import sys
import threading
import time
import urllib.request
import warnings
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, chdir, contextmanager, redirect_stderr, redirect_stdout
from decimal import Decimal
from pathlib import Path
from typing import Any, NamedTuple
from unittest.mock import patch

from alphaforge.cli.main import main

REPOSITORY = Path(__file__).resolve().parents[2]
PATIENCE_S = 60.0
TRADING = "our books agree"

BUSY = '''
"""Trades a little of everything, on and on."""

from decimal import Decimal

from alphaforge import Strategy


class Busy(Strategy):
    symbol: str = "BTC/USDT"
    symbol_b: str = "BTC/USDT"
    quantity: str = "0.00137"
    every: float = 0.15

    def on_start(self) -> None:
        self.count = 0
        self.on_load({})
        for symbol in self.names:
            self.subscribe_quotes(symbol)
        self.timer("act", self.every)

    def on_save(self) -> dict:
        return {"count": self.count}

    def on_load(self, state: dict) -> None:
        self.count = state.get("count", 0)
        self.names = sorted({self.symbol, self.symbol_b})

    def on_timer(self, name: str) -> None:
        self.count += 1
        symbol = self.names[self.count % len(self.names)]
        last = self.last(symbol)
        if last is None:
            return
        turn = self.count // len(self.names) % 5
        if turn == 0:
            self.buy(symbol, self.quantity)
        elif turn == 1:
            self.buy(symbol, self.quantity, limit=last * 0.97, tag="rests")
        elif turn == 2:
            self.buy(symbol, Decimal(self.quantity) * 2, limit=last * 1.002, tif="IOC")
        elif turn == 3:
            self.sell(symbol, self.quantity)
        elif len(self.orders(symbol)) > 2:
            self.cancel(self.orders(symbol)[0])
'''


def trades_on(symbol: str, other: str = "") -> tuple[str, ...]:
    """The flags that give the busy strategy its symbols."""
    return ("--set", f"symbol={symbol}", "--set", f"symbol_b={other or symbol}")


class Ended(NamedTuple):
    """How a command ended, and how long it took."""

    code: int
    out: str
    err: str
    seconds: float

    @property
    def json(self) -> Any:
        """What it printed."""
        return json.loads(self.out)


class Program:
    """One `alphaforge` command that runs."""

    def __init__(self, process: subprocess.Popen[str]) -> None:
        self.process = process
        self._began = time.monotonic()
        self._texts = {"out": "", "err": ""}
        self._changed = threading.Condition()
        self._readers = [
            threading.Thread(target=self._read, args=(name, stream), daemon=True)
            for name, stream in (("out", process.stdout), ("err", process.stderr))
        ]
        for each in self._readers:
            each.start()

    def _read(self, name: str, stream: Any) -> None:
        for line in stream:
            with self._changed:
                self._texts[name] += line
                self._changed.notify_all()
        with self._changed:
            self._changed.notify_all()

    def until(self, words: str, times: int = 1) -> None:
        """Wait until it has said the words on stderr, so many times."""
        self._wait(lambda: self._texts["err"].count(words) >= times, words)

    def first_line(self) -> str:
        """Wait for a line on stdout."""
        self._wait(lambda: "\n" in self._texts["out"], "a line")
        return self._texts["out"].splitlines()[0]

    def _wait(self, holds: Callable[[], bool], what: str) -> None:
        with self._changed:
            self._changed.wait_for(
                lambda: holds() or not any(each.is_alive() for each in self._readers), PATIENCE_S
            )
            assert holds(), f"no {what!r}: {self._texts}"

    def send(self, number: signal.Signals) -> None:
        """Give it a signal."""
        self.process.send_signal(number)

    def ended(self) -> Ended:
        """Wait for its end."""
        code = self.process.wait(PATIENCE_S)
        for each in self._readers:
            each.join(PATIENCE_S)
        seconds = time.monotonic() - self._began
        return Ended(code, self._texts["out"], self._texts["err"], seconds)

    def close(self) -> None:
        """Leave nothing behind."""
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGCONT)
            self.process.kill()
        self.ended()
        for stream in (self.process.stdin, self.process.stdout, self.process.stderr):
            if stream is not None:
                stream.close()


class Folder:
    """A working folder with settings and state of its own."""

    def __init__(self, path: Path) -> None:
        self.path = path
        path.mkdir(parents=True, exist_ok=True)
        kept = {name: value for name, value in os.environ.items() if "ALPHAFORGE" not in name}
        self.environ = {
            **kept,
            "PYTHONPATH": str(REPOSITORY),
            "ALPHAFORGE_STATE_DIR": str(path / "state"),
            **{f"XDG_{name}_HOME": str(path / name) for name in ("CONFIG", "STATE", "CACHE")},
        }
        (path / "busy.py").write_text(BUSY)
        self.configure("")

    def configure(self, text: str) -> None:
        """Write the settings file."""
        (self.path / "alphaforge.toml").write_text(text)

    def set_key(self, venue: str, api_key: str, secret: str) -> None:
        """Give a venue's key, by the environment."""
        name = f"ALPHAFORGE_KEY__{venue.upper()}__"
        self.environ |= {f"{name}API_KEY": api_key, f"{name}SECRET": secret}

    @contextmanager
    def running(self, *arguments: str) -> Iterator[Program]:
        """A command, for as long as the block lasts."""
        program = Program(
            subprocess.Popen(
                [sys.executable, "-m", "alphaforge", *arguments],
                cwd=self.path,
                env=self.environ,
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
                text=True,
            )
        )
        try:
            yield program
        finally:
            program.close()

    def run(self, *arguments: str) -> Ended:
        """A command from its start to its end."""
        with self.running(*arguments) as program:
            return program.ended()

    def here(self, *arguments: str) -> Ended:
        """A command in this process, which knows all its modules already: much quicker."""
        out, err, began = io.StringIO(), io.StringIO(), time.monotonic()
        with ExitStack() as stack:
            stack.enter_context(patch.dict(os.environ, self.environ, clear=True))
            for each in (chdir(self.path), redirect_stdout(out), redirect_stderr(err)):
                stack.enter_context(each)
            # A connection given up half made is closed by the end of a process: here by this.
            stack.enter_context(warnings.catch_warnings(action="ignore", category=ResourceWarning))
            code = main(list(arguments))
            gc.collect()
        return Ended(code, out.getvalue(), err.getvalue(), time.monotonic() - began)

    def rows(self, sheet: str) -> list[dict[str, Any]]:
        """What `export` tells of the latest run."""
        ended = self.here("export", sheet, "--format", "jsonl")
        assert ended.code == 0, ended.err
        return [json.loads(line) for line in ended.out.splitlines()]

    def books(self, run_id: str, venue: str) -> dict[str, Any]:
        """The final books of an exchange that a run started: those of its account."""
        path = self.path / "data" / "books" / f"{run_id}.{venue}.json"
        return json.loads(path.read_text())["accounts"]["main"]


class Served:
    """A built-in exchange that runs by itself, and its back door."""

    def __init__(self, told: dict[str, Any]) -> None:
        self.told = told
        self._accounts = 0

    def section(self, name: str, protocol: str = "binance") -> str:
        """What the settings say of it."""
        return (
            f'[venues.{name}]\nkind = "local"\nexchange = "{protocol}"\n'
            f'address = "127.0.0.1:{self.told["port"]}"\nca_file = "{self.told["ca_file"]}"\n'
        )

    def ask(self, method: str, path: str, body: object = None) -> Any:
        """Something of the back door."""
        request = urllib.request.Request(
            f"http://127.0.0.1:{self.told['port']}/admin/{path}",
            data=None if body is None else json.dumps(body).encode(),
            headers={"X-Admin-Token": self.told["admin_token"]},
            method=method,
        )
        with urllib.request.urlopen(request, timeout=PATIENCE_S) as answer:
            return json.load(answer)

    def open_account(self, **balances: str) -> dict[str, str]:
        """A new account with a key: `account`, `key` and `secret`."""
        self._accounts += 1
        name = f"client-{self._accounts}"
        self.ask("POST", "accounts", {"name": name, "balances": balances})
        return self.add_key(name)

    def add_key(self, account: str, **terms: object) -> dict[str, Any]:
        """Another key of an account."""
        self._accounts += 1
        number = f"{self._accounts:04d}"
        key = {"key": f"key{number}" * 8, "secret": f"sec{number}" * 8, "account": account}
        self.ask("POST", "keys", key | terms)
        return key

    def books(self, account: str) -> dict[str, Any]:
        """The exchange's own books of an account, now."""
        return self.ask("GET", "books")["accounts"][account]


@contextmanager
def serving(folder: Folder, *arguments: str) -> Iterator[Served]:
    """A built-in exchange, for as long as the block lasts."""
    with folder.running("sandbox", "serve", "--json", "--child", *arguments) as program:
        yield Served(json.loads(program.first_line()))


# What both sides say, in one shape --------------------------------------------------------------


def amounts(said: Mapping[str, str]) -> dict[str, Decimal]:
    """Money by currency, without what is nothing."""
    return {name: Decimal(text) for name, text in said.items() if Decimal(text)}


def wallet(books: Mapping[str, Any]) -> dict[str, Decimal]:
    """The same of an exchange's books: what is free and what is bound."""
    held = {
        name: Decimal(each["free"]) + Decimal(each["locked"])
        for name, each in books["balances"].items()
    }
    return {name: amount for name, amount in held.items() if amount}


def our_fills(rows: list[dict[str, Any]]) -> set[tuple[object, ...]]:
    """Fills as the run exports them."""
    return {
        (
            row["trade_id"],
            row["venue_order_id"],
            row["side"],
            Decimal(row["quantity"]),
            Decimal(row["price"]),
            Decimal(row["fee"]),
            row["fee_currency"].partition("@")[0],
        )
        for row in rows
    }


def their_fills(books: Mapping[str, Any]) -> set[tuple[object, ...]]:
    """Fills in the exchange's books."""
    return {
        (
            str(each["trade_id"]),
            str(each["order_id"]),
            each["side"],
            Decimal(each["quantity"]),
            Decimal(each["price"]),
            Decimal(each["fee"]),
            each["fee_currency"],
        )
        for each in books["executions"]
    }


def our_open_orders(rows: list[dict[str, Any]]) -> set[tuple[object, ...]]:
    """Working orders as the run exports them."""
    return {
        (row["client_order_id"], row["side"], Decimal(row["quantity"]), Decimal(row["filled"]))
        for row in rows
        if row["status"] in {"ACCEPTED", "PARTIALLY_FILLED", "WORKING", "OPEN"}
    }


def their_open_orders(books: Mapping[str, Any]) -> set[tuple[object, ...]]:
    """Open orders in the exchange's books."""
    return {
        (each["client_order_id"], each["side"], Decimal(each["quantity"]), Decimal(each["filled"]))
        for each in books["open_orders"]
    }


def is_alive(pid: int) -> bool:
    """Whether a process is there and no mere memory of one."""
    try:
        return "State:\tZ" not in Path(f"/proc/{pid}/status").read_text()
    except OSError:
        return False


def until(holds: Callable[[], bool], what: str) -> None:
    """Wait for something outside this process that tells nobody when it happens."""
    give_up = time.monotonic() + PATIENCE_S
    while not holds():
        assert time.monotonic() < give_up, f"not within {PATIENCE_S:g} s: {what}"
        time.sleep(0.02)


def children_of(pid: int) -> list[int]:
    """Processes that a process has started and that are still there."""
    found = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
    return [int(each) for each in found]
