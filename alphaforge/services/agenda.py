"""When each open question is asked: soon after it arose, then ever less often.

A venue's patience is shared with the orders themselves: a question that has just been answered is
not asked again at once, however much else happens, and hundreds of them share their rate. But one
that will prove something is asked as soon as it does. Pure bookkeeping; must never ask anything
itself.
"""

from collections.abc import Iterable
from typing import Generic, TypeVar

FIRST_PAUSE_NS = 200_000_000
"""A question is asked so long after it was seen first: mostly the stream answers it until then."""

LONGEST_PAUSE_NS = 5_000_000_000

SHARE_NS = 40_000_000
"""Where so many are open that their pauses would bring more than one in so long, pauses grow."""

_TOGETHER_NS = 500_000_000
"""Questions that begin to prove something within so long are asked together."""

Key = TypeVar("Key")


class _Entry:
    __slots__ = ("asked", "at", "pause")

    def __init__(self, at: int) -> None:
        self.at = at
        self.pause = FIRST_PAUSE_NS
        self.asked = False


class Agenda(Generic[Key]):
    """What is to be asked, by what names it; times are engine time in ns."""

    def __init__(self) -> None:
        self._entries: dict[Key, _Entry] = {}

    def see(self, open_now: Iterable[Key], now: int) -> None:
        """These are the open questions; what is not among them is settled and forgotten."""
        known = self._entries
        self._entries = {each: known.get(each) or _Entry(now + FIRST_PAUSE_NS) for each in open_now}

    def due(self, now: int) -> list[Key]:
        """What is to be asked by now, the longest due first."""
        found = [(entry.at, key) for key, entry in self._entries.items() if entry.at <= now]
        return [key for _, key in sorted(found, key=lambda each: each[0])]

    def next_at(self) -> int | None:
        """When the next question is due; None without any."""
        return min((entry.at for entry in self._entries.values()), default=None)

    def was_asked(self, key: Key) -> bool:
        """Whether it was asked at least once since it is open."""
        entry = self._entries.get(key)
        return entry is not None and entry.asked

    def asked(self, key: Key, at: int, now: int, proves_at: int = 0) -> None:
        """It was asked at `at`, and stays open until `see` says otherwise.

        From `proves_at` on an answer proves something; 0 = it never does.
        """
        entry = self._entries.setdefault(key, _Entry(now))
        entry.asked = True
        entry.at = now + max(entry.pause, len(self._entries) * SHARE_NS)
        entry.pause = min(2 * entry.pause, LONGEST_PAUSE_NS)
        if at < proves_at:
            together = -(-proves_at // _TOGETHER_NS) * _TOGETHER_NS
            entry.at = max(min(entry.at, together), now)
