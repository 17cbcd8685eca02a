"""Client order ids: made from counters, unique across runs, restarts and hosts, and readable back.

32 characters, all of them hexadecimal digits, which every venue's charset and length takes:

    af  14 run tag      6 epoch  2 strategy  8 number
    af  0f3c9a7b21d4e6  000003   01          0000002a

The run tag is drawn once per run, the epoch is that of the lease the sending process holds, and
the number is the order's. A process that lost the end of its journal in a power cut counts some
numbers again, but under an epoch that nobody had before. Must never be random.
"""

import re
from collections.abc import Sequence
from typing import NamedTuple

_PATTERN = re.compile(r"af([0-9a-f]{14})([0-9a-f]{6})([0-9a-f]{2})([0-9a-f]{8})")

MOST_STRATEGIES = 0xFE
"""Strategies are numbered from 1; 0 is an order of none."""

MANUAL_PLACE = 0xFF
"""In the strategy's place: a person's order, counted to no strategy of the run."""

MANUAL = "manual"
"""Whose position such an order counts to."""


class ClientId(NamedTuple):
    """What a client order id says.

    Attributes:
        tag: Of the run: 14 hexadecimal digits.
        epoch: Of the lease under which it was sent.
        strategy: Place on the command line, from 1; 0 = none, `MANUAL_PLACE` = a person.
        number: That of the order id, `o-000042` → 42.
    """

    tag: str
    epoch: int
    strategy: int
    number: int


def client_order_id(tag: str, epoch: int, strategy: int, order_id: str) -> str:
    """The id of an order; `order_id` ends in its number."""
    number = int(order_id.rpartition("-")[2])
    return f"af{tag}{epoch:06x}{strategy:02x}{number:08x}"


def read_client_order_id(text: str) -> ClientId | None:
    """What an id of ours says; None for anybody else's."""
    found = _PATTERN.fullmatch(text)
    if found is None:
        return None
    tag, epoch, strategy, number = found.groups()
    return ClientId(tag, int(epoch, 16), int(strategy, 16), int(number, 16))


def place_of(strategy: str, strategies: Sequence[str]) -> int:
    """What stands for a strategy in its orders' ids."""
    if strategy in strategies:
        return strategies.index(strategy) + 1
    return MANUAL_PLACE if strategy == MANUAL else 0


def owner_of(text: str, tag: str, strategies: Sequence[str]) -> str:
    """The strategy of an order of the run with this tag; empty for any other order's id.

    The id says so, whatever became of the intent.
    """
    made = read_client_order_id(text)
    if made is None or made.tag != tag:
        return ""
    if made.strategy == MANUAL_PLACE:
        return MANUAL
    if not 0 < made.strategy <= len(strategies):
        return ""
    return strategies[made.strategy - 1]
