"""Where a venue is reached and as whom: the live network, its test network, or this machine.

Values only. A secret is never shown: not in a repr, not in an error.
"""

from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path

DEFAULT_TIMEOUT_SECONDS = 8.0
"""Below what whoever waits for an answer waits (`services/gateway.py`): ten seconds."""


class Network(StrEnum):
    """Real money or play money."""

    LIVE = "live"
    TEST = "test"


@dataclass(frozen=True)
class Local:
    """An exchange on this machine that answers under the venue's own host names.

    Attributes:
        port: Of its one socket, on `address`.
        ca_file: Who signed its certificate (PEM).
    """

    port: int
    ca_file: Path
    address: str = "127.0.0.1"


@dataclass(frozen=True)
class Access:
    """One account at one exchange.

    Attributes:
        ccxt_id: Which exchange, as ccxt calls it.
        network: Which of its networks.
        api_key, secret, password, uid: As the venue gave them; empty for market data only.
        local: The built-in exchange, instead of the venue itself.
        timeout_s: How long an answer is waited for.
        weight_per_second: Of the venue's request budget, in its own units; 0 = all of it.
        cache_folder: Where the list of markets is kept for a day; None = it is asked for anew.
        market_types: ccxt's names (`spot`, `linear`, `inverse`); empty = what the profile says.
    """

    ccxt_id: str
    network: Network = Network.LIVE
    api_key: str = field(default="", repr=False)
    secret: str = field(default="", repr=False)
    password: str = field(default="", repr=False)
    uid: str = field(default="", repr=False)
    local: Local | None = None
    timeout_s: float = DEFAULT_TIMEOUT_SECONDS
    weight_per_second: float = 0.0
    cache_folder: Path | None = None
    market_types: tuple[str, ...] = ()

    @property
    def has_key(self) -> bool:
        """Whether anything private can be asked."""
        return bool(self.api_key)
