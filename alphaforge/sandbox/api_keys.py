"""Who may ask the built-in exchange what: its API keys.

Invented for each start and worth nothing anywhere else, yet handled as a venue handles real ones:
a dialect checks the signature with `ApiKey.secret`, and which network, address and right a key is
for. Must never print or log a secret.
"""

from collections.abc import Iterable, Iterator
from enum import StrEnum

import msgspec


class Network(StrEnum):
    """Which of a venue's networks a key was made for."""

    TEST = "test"
    LIVE = "live"


class ApiKey(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One key of one account.

    Attributes:
        account: Of the exchange; several keys may share it.
        can_trade: False: it may read only.
        can_withdraw: Told when the venue is asked what a key may do; no dialect withdraws.
        network: A key of the one network is unknown on the other's hosts. A client that comes by
            address (`127.0.0.1`) is on the test network.
        addresses: Client addresses it may be used from; empty = any.
        expires: ns UTC from which on it is refused; 0 = never.
    """

    key: str
    secret: str
    account: str
    can_trade: bool = True
    can_withdraw: bool = False
    network: Network = Network.TEST
    addresses: tuple[str, ...] = ()
    expires: int = 0

    def __repr__(self) -> str:
        return f"ApiKey({self.key[:4]}…, account={self.account!r})"

    def allows_address(self, address: str) -> bool:
        """Whether a request from this client address may use it."""
        return not self.addresses or address in self.addresses

    def is_expired(self, now: int) -> bool:
        """Whether it is past its end at `now` (ns UTC)."""
        return bool(self.expires) and now >= self.expires


class ApiKeys:
    """Every key of the exchange, by its public half."""

    def __init__(self, keys: Iterable[ApiKey] = ()) -> None:
        self._keys = {key.key: key for key in keys}

    def __iter__(self) -> Iterator[ApiKey]:
        return iter(self._keys.values())

    def find(self, key: str) -> ApiKey | None:
        """The key of that name; None if there is none or it was removed."""
        return self._keys.get(key)

    def add(self, key: ApiKey) -> None:
        """Take it in, instead of one of the same name."""
        self._keys[key.key] = key

    def remove(self, key: str) -> ApiKey | None:
        """Forget it: revoked from here on. None if there was none."""
        return self._keys.pop(key, None)
