"""The sockets an engine listens on: a file of its user's alone, and TCP where it was asked for.

A socket file that nobody answers is an engine's that died, and is taken over. Must serve nothing.
"""

import os
import socket
from contextlib import suppress
from ipaddress import ip_address
from pathlib import Path
from typing import Final, NamedTuple

from alphaforge.errors import ConfigError, UsageError

_BACKLOG: Final = 64
_HIGHEST_PORT: Final = 65_535


class Address(NamedTuple):
    """Where TCP is listened on; IPv6 without brackets."""

    host: str
    port: int

    @property
    def is_loopback(self) -> bool:
        """Whether only this machine reaches it."""
        if self.host == "localhost":
            return True
        try:
            return ip_address(self.host).is_loopback
        except ValueError:
            return False

    def __str__(self) -> str:
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"{host}:{self.port}"


def read_address(text: str, *, is_remote_allowed: bool) -> Address:
    """`127.0.0.1:8799` or `[::1]:8799`; port 0 is one that is free.

    Raises `ConfigError` for anything else, and for an address that other machines reach where
    that was not allowed.
    """
    host, colon, port = text.rpartition(":")
    host = host.removeprefix("[").removesuffix("]")
    if not colon or not host or not port.isdigit() or int(port) > _HIGHEST_PORT:
        raise ConfigError(
            f"{text!r} is no address to listen on",
            remedy='write host and port: tcp = "127.0.0.1:8799"',
            key="api.tcp",
        )
    address = Address(host, int(port))
    if not address.is_loopback and not is_remote_allowed:
        raise ConfigError(
            f"{text} can be reached from other machines",
            remedy="use 127.0.0.1, or say that you want that: [api] allow_remote = true",
            key="api.tcp",
        )
    return address


def listen_unix(path: Path) -> socket.socket:
    """A listening socket that only this user can open; raises `UsageError` if one listens there."""
    if _is_answered(path):
        raise UsageError(
            f"an engine listens on {path} already", remedy="see what runs: alphaforge status"
        )
    with suppress(FileNotFoundError):
        path.unlink()
    listening = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    try:
        listening.bind(str(path))
        path.chmod(0o600)
        listening.listen(_BACKLOG)
        listening.setblocking(False)
    except OSError as error:
        listening.close()
        raise ConfigError(
            f"the engine cannot listen on {path}: {error.strerror or error}",
            remedy="set ALPHAFORGE_RUNTIME_DIR to a folder of your own",
        ) from error
    return listening


def _is_answered(path: Path) -> bool:
    """Whether somebody listens on a socket file."""
    if not path.is_socket():
        return False
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as knocking:
        knocking.setblocking(False)
        try:
            knocking.connect(str(path))
        except (ConnectionRefusedError, FileNotFoundError):
            return False
        except OSError:
            return True  # its queue is full: somebody is there
    return True


def listen_tcp(address: Address) -> tuple[socket.socket, Address]:
    """A listening socket, and its address with the port that it got.

    Raises `ConfigError` if the port is taken, or is no address of this machine.
    """
    family = socket.AF_INET6 if ":" in address.host else socket.AF_INET
    listening = socket.socket(family, socket.SOCK_STREAM)
    try:
        if os.name == "posix":
            listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listening.bind((address.host, address.port))
        listening.listen(_BACKLOG)
        listening.setblocking(False)
    except OSError as error:
        listening.close()
        raise ConfigError(
            f"the engine cannot listen on {address}: {error.strerror or error}",
            remedy="take another port in [api] tcp; 0 is one that is free",
            key="api.tcp",
        ) from error
    return listening, Address(address.host, listening.getsockname()[1])
