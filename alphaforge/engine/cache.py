"""A bounded store of what was computed or seen last: least recently used out, time to live, counts.

One plain dict whose order is the order of use: using a key takes its entry out and puts it back at
the end. At 100,000 entries the time goes into memory and not into code, and this
touches half as much of it as a linked list. What is oldest is looked up many entries at a time,
since the front of such a dict is full of holes. Time is an input: the cache asks the clock it was
given and never reads one itself. It belongs to one thread; nothing here is locked, and a replay
that makes the same calls gets the same answers and the same statistics.
"""

from collections.abc import Callable, Hashable
from itertools import islice
from math import isinf
from typing import Final, Generic, TypeVar, overload

from alphaforge.errors import AlphaForgeError

K = TypeVar("K", bound=Hashable)
V = TypeVar("V")
D = TypeVar("D")

_NEVER: Final = 1 << 63  # a deadline in nanoseconds that no clock reaches
_NS_PER_SECOND: Final = 1_000_000_000
_OLDEST_AT_ONCE: Final = 1_024
"""How many of the oldest entries are looked up together when room is needed."""


class CacheParameterError(AlphaForgeError, ValueError):
    """A cache was asked for with a size, a time to live or a clock that cannot work."""

    default_code = "AF-A100"


class Cache(Generic[K, V]):
    """At most `max_size` entries; a full cache drops the one not used for longest.

    Getting or putting a key uses it; `key in cache`, `keys`, `items` and `len` do not, and count as
    no operation. An entry is dead from the moment its time to live has passed since its last
    `put`; a dead entry is never given out, and is removed when it is met.

    Args:
        max_size: The most entries kept, from 1.
        ttl_seconds: How long an entry lives after it was put; None or infinity is for ever.
        clock: Gives the time in nanoseconds, on any origin; needed as soon as anything expires. It
            is called once per `get` of an entry that can expire: in the engine give the time of
            the event being processed.

    Raises:
        CacheParameterError: A size below 1, a time to live that is not above 0, or one without
            a clock.
    """

    __slots__ = (
        "_can_expire",
        "_deadline",
        "_deletes",
        "_entries",
        "_evictions",
        "_expirations",
        "_hits",
        "_misses",
        "_now",
        "_oldest",
        "_put_at",
        "_puts",
        "_ttl_ns",
        "_unused",
        "max_size",
    )

    def __init__(
        self,
        max_size: int,
        ttl_seconds: float | None = None,
        clock: Callable[[], int] | None = None,
    ) -> None:
        self.max_size = _checked_size(max_size)
        self._can_expire = clock is not None
        self._now: Callable[[], int] = clock or _no_time
        self._ttl_ns = 0 if ttl_seconds is None else self._lifetime_ns(ttl_seconds)
        self._entries: dict[K, tuple[V, int]] = {}  # value, deadline; least recently used first
        self._oldest: list[K] = []  # what may go next, the oldest last
        self._unused: set[K] = set()  # those of them that were not used since
        self._put_at, self._deadline = -1, _NEVER  # puts of one moment share one deadline
        self._hits = self._misses = self._puts = self._deletes = 0
        self._evictions = self._expirations = 0

    @overload
    def get(self, key: K) -> V | None: ...
    @overload
    def get(self, key: K, default: D) -> V | D: ...
    def get(self, key: K, default: object = None) -> object:
        """The value of a living entry, which is now the most recently used; else the default."""
        entries = self._entries
        entry = entries.pop(key, None)
        if entry is None:
            self._misses += 1
            return default
        deadline = entry[1]
        if deadline is not _NEVER and deadline <= self._now():
            self._misses += 1
            self._expirations += 1
            self._unused.discard(key)
            return default
        self._hits += 1
        entries[key] = entry
        if self._unused:
            self._unused.discard(key)
        return entry[0]

    def put(self, key: K, value: V, ttl_seconds: float | None = None) -> None:
        """Store a value as the most recently used entry, in place of the key's old one.

        Args:
            key: Anything hashable.
            value: Anything, also None.
            ttl_seconds: The life of this entry from now; None takes the cache's own, infinity is
                for ever.

        Raises:
            CacheParameterError: The time to live is not above 0, or the cache has no clock.
        """
        deadline = _NEVER
        if ttl_seconds is not None:
            lifetime = self._lifetime_ns(ttl_seconds)
            deadline = self._now() + lifetime if lifetime else _NEVER
        elif self._ttl_ns:
            now = self._now()
            if now != self._put_at:
                self._put_at, self._deadline = now, now + self._ttl_ns
            deadline = self._deadline
        entries = self._entries
        entries.pop(key, None)
        self._puts += 1
        entries[key] = (value, deadline)
        if self._unused:
            self._unused.discard(key)
        if len(entries) > self.max_size:
            self._evict()

    def delete(self, key: K) -> bool:
        """Remove an entry; true if there was a living one."""
        self._deletes += 1
        entry = self._entries.pop(key, None)
        if entry is None:
            return False
        self._unused.discard(key)
        living = entry[1] > self._now()
        self._expirations += not living
        return living

    def clear(self) -> None:
        """Remove every entry; the statistics go on."""
        self._entries.clear()
        self._oldest.clear()
        self._unused.clear()

    def keys(self) -> list[K]:
        """The living keys, the least recently used first; a copy."""
        self._purge()
        return list(self._entries)

    def items(self) -> list[tuple[K, V]]:
        """The living entries, the least recently used first; a copy."""
        self._purge()
        return [(key, value) for key, (value, _) in self._entries.items()]

    def statistics(self) -> dict[str, int | float]:
        """What happened since the cache was made.

        Returns:
            `total_operations` (gets, puts and deletes), `hits`, `misses`, `hit_ratio` (hits in
            gets, 0 to 1; 0.0 before the first), `puts`, `deletes`, `evictions` (living entries
            dropped for room), `expirations` (dead entries removed), `size` (as `len`).
        """
        gets = self._hits + self._misses
        return {
            "total_operations": gets + self._puts + self._deletes,
            "hits": self._hits,
            "misses": self._misses,
            "hit_ratio": self._hits / gets if gets else 0.0,
            "puts": self._puts,
            "deletes": self._deletes,
            "evictions": self._evictions,
            "expirations": self._expirations,
            "size": len(self),
        }

    def __len__(self) -> int:
        """How many living entries there are; with a clock this walks all of them."""
        self._purge()
        return len(self._entries)

    def __contains__(self, key: object) -> bool:
        """Whether there is a living entry; does not use it."""
        entry = self._entries.get(key)  # pyright: ignore[reportArgumentType] - any object may be asked for
        return entry is not None and entry[1] > self._now()

    def _purge(self) -> None:
        if not self._can_expire:
            return
        now = self._now()
        dead = [key for key, (_, deadline) in self._entries.items() if deadline <= now]
        for key in dead:
            del self._entries[key]
        self._unused.difference_update(dead)
        self._expirations += len(dead)

    def _evict(self) -> None:
        """Drop the oldest entry: the first of those looked up that was not used since."""
        entries, unused = self._entries, self._unused
        while True:
            if not self._oldest:
                self._oldest = list(islice(entries, _OLDEST_AT_ONCE))
                self._oldest.reverse()
                unused.update(self._oldest)
            key = self._oldest.pop()
            if key in unused:
                break
        unused.discard(key)
        entry = entries.pop(key)
        if entry[1] <= self._now():
            self._expirations += 1
        else:
            self._evictions += 1

    def _lifetime_ns(self, ttl_seconds: float) -> int:
        """A time to live in whole nanoseconds, at least 1; 0 means for ever."""
        if not ttl_seconds > 0:
            raise CacheParameterError(
                f"cache: ttl_seconds must be above 0, got {ttl_seconds!r}",
                remedy="leave ttl_seconds out for entries that never expire",
            )
        if isinf(ttl_seconds):
            return 0
        if not self._can_expire:
            raise CacheParameterError(
                f"cache: ttl_seconds={ttl_seconds!r} needs a clock, and clock= was not given",
                remedy="give clock=, a function that returns the time in nanoseconds",
            )
        return max(1, round(ttl_seconds * _NS_PER_SECOND))


def _no_time() -> int:
    return 0


def _checked_size(max_size: object) -> int:
    if isinstance(max_size, bool) or not isinstance(max_size, int) or max_size < 1:
        raise CacheParameterError(
            f"cache: max_size must be a whole number from 1, got {max_size!r}",
            remedy="give max_size as the greatest number of entries to keep",
        )
    return max_size
