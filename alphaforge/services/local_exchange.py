"""The built-in exchange as a child of the run that trades on it: started, told from, ended.

It is a program of its own that ends when this process does, however that ends: it reads a pipe
whose other end is here. Its first line says where it listens and with which key. Must never import
the exchange: the live path knows it by its wire alone.
"""

import asyncio
import contextlib
import sys
from asyncio.subprocess import PIPE, Process
from collections.abc import AsyncGenerator, Callable
from pathlib import Path
from typing import Final, NamedTuple

import msgspec

from alphaforge.errors import VenueUnavailableError

START_SECONDS: Final = 30.0
END_SECONDS: Final = 5.0

_SHOWN: Final = 2_000
"""Characters of what it wrote to stderr that an error repeats."""


class LocalTerms(NamedTuple):
    """What the exchange is started with; see `alphaforge sandbox serve --help`.

    Attributes:
        state: The file that it keeps its state in, and goes on from if it is there.
        books: Where it writes its final books.
        log: Where it writes what went wrong with itself.
        faults: A script of what goes wrong; None for nothing.
    """

    symbols: tuple[str, ...]
    seed: int
    speed: str
    cash: str
    state: Path
    books: Path
    log: Path
    faults: str | None = None

    def arguments(self) -> list[str]:
        """Of the command line."""
        symbols = [part for symbol in self.symbols for part in ("--symbol", symbol)]
        faults = [] if self.faults is None else ["--faults", self.faults]
        return [
            *("--seed", str(self.seed), "--speed", self.speed, "--cash", self.cash),
            *("--state", str(self.state), "--books", str(self.books)),
            *symbols,
            *faults,
        ]


class Listening(msgspec.Struct, frozen=True):
    """What the exchange says first; see docs/sandbox.md."""

    port: int
    api_key: str
    secret: str
    ca_file: str
    admin_token: str = ""


@contextlib.asynccontextmanager
async def local_exchange(
    terms: LocalTerms, meanwhile: Callable[[], object] | None = None
) -> AsyncGenerator[Listening]:
    """An exchange that listens until the block ends.

    `meanwhile` is called as it starts, which takes it most of a second of another core's time.
    Raises `VenueUnavailableError`, with what it said, if it does not come up.
    """
    terms.log.parent.mkdir(parents=True, exist_ok=True)
    with terms.log.open("wb") as log:
        process = await asyncio.create_subprocess_exec(
            sys.executable,
            *("-m", "alphaforge", "sandbox", "serve", "--json", "--child", "--port", "0"),
            *terms.arguments(),
            stdin=PIPE,
            stdout=PIPE,
            stderr=log,
            start_new_session=True,  # Ctrl-C is for us: it ends when we have ended
        )
        try:
            if meanwhile is not None:
                meanwhile()
            yield await _first_line(process, terms.log)
        finally:
            await _end(process)


async def _first_line(process: Process, log: Path) -> Listening:
    stream, line = process.stdout, b""
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(START_SECONDS):
            line = await stream.readline() if stream is not None else b""
    try:
        return msgspec.json.decode(line, type=Listening)
    except msgspec.DecodeError as error:
        raise _not_started(log) from error


def _not_started(log: Path) -> VenueUnavailableError:
    text = log.read_text(encoding="utf-8", errors="replace").strip()[-_SHOWN:]
    return VenueUnavailableError(
        f"the built-in exchange did not start: {text or 'it said nothing'}",
        remedy="start it by itself to see why: alphaforge sandbox serve",
    )


async def _end(process: Process) -> None:
    """Close its pipe, which is its word to end; one that does not is killed."""
    if process.stdin is not None:
        process.stdin.close()
    try:
        async with asyncio.timeout(END_SECONDS):
            await process.wait()
    except TimeoutError:
        with contextlib.suppress(ProcessLookupError):
            process.kill()
        await process.wait()
