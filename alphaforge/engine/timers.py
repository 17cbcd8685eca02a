"""Things that happen at an engine time: strategy timers, arrivals, expiries.

Time is whatever events say; nothing here reads a clock.
"""

import heapq
from collections.abc import Callable

FAR = 1 << 62

Action = Callable[[int], None]
"""Called with the time it was due, ns."""


class Timers:
    """A queue of actions by (due, registration): equal dues fire in the order registered.

    Attributes:
        now: Engine time, ns UTC: the greatest `ts_local` of any event so far.
        next_due: When the next action is due; far away if none is.
    """

    __slots__ = ("_heap", "_registered", "next_due", "now")

    def __init__(self) -> None:
        self.now = 0
        self.next_due = FAR
        self._heap: list[tuple[int, int, Action]] = []
        self._registered = 0

    def schedule(self, due: int, action: Action, number: int = 0) -> int:
        """Have `action` called once engine time reaches `due` (ns UTC).

        Returns its registration's number; an action that repeats itself gives it again and so
        keeps its place among equal dues.
        """
        if not number:
            self._registered += 1
            number = self._registered
        heapq.heappush(self._heap, (due, number, action))
        self.next_due = self._heap[0][0]
        return number

    def pop(self, now: int) -> tuple[int, Action] | None:
        """Take the next action due at or before `now`, with its due time; None if none is."""
        if now < self.next_due:
            return None
        due, _, action = heapq.heappop(self._heap)
        self.next_due = self._heap[0][0] if self._heap else FAR
        return due, action

    @property
    def registered(self) -> int:
        """How many registrations were numbered so far."""
        return self._registered

    def pending(self) -> list[tuple[int, int, Action]]:
        """Every waiting action as (due, registration, action), the next one first."""
        return sorted(self._heap, key=lambda each: each[:2])

    def load(self, registered: int, pending: list[tuple[int, int, Action]]) -> None:
        """Wait for these actions and no others; `registered` numbers are taken."""
        self._registered = registered
        self._heap = sorted(pending, key=lambda each: each[:2])
        self.next_due = self._heap[0][0] if self._heap else FAR

    def __len__(self) -> int:
        return len(self._heap)
