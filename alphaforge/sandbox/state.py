"""The file in which the built-in exchange survives its own restart.

Written whole and put in place at once, readable by its owner only: it holds the API secret. Must
never leave half a file behind, or take one that is damaged for an empty exchange.
"""

import os
from pathlib import Path

import msgspec

from alphaforge.errors import DataError, StoreError
from alphaforge.sandbox.api_keys import ApiKey

VERSION = 1
_HEAD = b"alphaforge exchange state\n"


class SavedExchange(msgspec.Struct, frozen=True, kw_only=True):
    """What is kept.

    Attributes:
        version: Of this struct.
        symbols: The listings it was started with.
        keys: Every API key; the first is the one that is told at the start.
        exchange: `Exchange.save()`.
        saved_at: ns UTC of the exchange's clock.
    """

    version: int = VERSION
    seed: int
    symbols: tuple[str, ...]
    keys: tuple[ApiKey, ...]
    exchange: bytes
    saved_at: int


def read_state(path: Path) -> SavedExchange | None:
    """What a file holds; None where there is no file.

    Raises `DataError` if it is damaged or of another version.
    """
    try:
        content = path.read_bytes()
    except FileNotFoundError:
        return None
    except OSError as error:
        raise StoreError(f"the state file {path} cannot be read: {error.strerror}") from error
    remedy = "name another file with --state, or remove this one to begin anew"
    try:
        saved = msgspec.msgpack.decode(content.removeprefix(_HEAD), type=SavedExchange)
    except msgspec.DecodeError as error:
        message = f"not a state of the built-in exchange: {error}"
        raise DataError(message, path=path, remedy=remedy) from error
    if saved.version != VERSION or not content.startswith(_HEAD):
        message = f"a state of version {saved.version}, and this program reads {VERSION}"
        raise DataError(message, path=path, remedy=remedy)
    return saved


def write_whole(path: Path, content: bytes) -> None:
    """Replace a file by this content in one step, readable by its owner only.

    Raises `StoreError`; the old file is still there then.
    """
    half = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        with os.fdopen(os.open(half, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        half.replace(path)
    except OSError as error:
        half.unlink(missing_ok=True)
        raise StoreError(f"{path} cannot be written: {error.strerror}") from error


def write_state(path: Path, saved: SavedExchange) -> None:
    """Put a state in place of the one before; raises `StoreError`."""
    write_whole(path, _HEAD + msgspec.msgpack.encode(saved))
