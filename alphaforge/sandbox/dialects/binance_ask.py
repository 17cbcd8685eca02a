"""One request to the Binance dialect as its calls see it: what was sent, by whom and when.

The same whether it came over REST or the WebSocket API. Must hold no behaviour.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeAlias

from alphaforge.sandbox.api_keys import ApiKey
from alphaforge.sandbox.dialects.binance_params import Params


@dataclass(frozen=True)
class Ask:
    """A request that was let in.

    Attributes:
        now: The exchange's time, ns.
        key: Of who asks; None for a public call.
    """

    params: Params
    now: int
    key: ApiKey | None = None

    @property
    def account(self) -> str:
        """Whose; empty for a public call."""
        return self.key.account if self.key is not None else ""


Answer: TypeAlias = dict[str, object] | list[dict[str, object]] | list[list[object]]
"""What a call gives back, ready to be written as JSON."""

Operation: TypeAlias = Callable[[Ask], Answer]
"""Answers a request, or raises `BinanceError` or `RefusedError`."""
