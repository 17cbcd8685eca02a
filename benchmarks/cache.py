"""How many operations per second the cache does at 100,000 entries with everything switched on.

Eighty per cent gets, nine in ten of them hits, and twenty per cent puts on existing keys; the keys
uniformly random over all entries, which is the worst case for the processor's own caches. LRU, TTL
and statistics are on; the clock is a function that returns a stored number, as the engine's is.
"""

import random
from collections.abc import Iterator
from functools import partial

from alphaforge.engine.cache import Cache
from benchmarks.harness import Harness, Row

ENTRIES = 100_000
OPERATIONS = 200_000
BEST_OF = 25  # short and many: a neighbour on the same memory bus costs up to a third

Five = tuple[str, str, str, str, str]


def run(harness: Harness) -> dict[str, Row]:
    """Measure `cache_mixed`, in operations per second of processor time."""
    entries, best_of = harness.size(ENTRIES), harness.tries(BEST_OF)
    cache: Cache[str, float] = Cache(entries, ttl_seconds=3600, clock=lambda: 1_600_000_000)
    keys = [f"BINANCE:{number}" for number in range(entries)]
    for key in keys:
        cache.put(key, 1.0)
    work = list(_mixed(keys, harness.size(OPERATIONS)))
    ns = harness.best_ns(lambda: partial(_work_through, cache, work), best_of) / (5 * len(work))
    return {"cache_mixed": Row(1e9 / ns, "ops/s", best_of, ns)}


def _mixed(keys: list[str], operations: int) -> Iterator[Five]:
    """Four keys to get, one in ten unknown, and one to put."""
    rng = random.Random(7)
    unknown = [f"{key}:unknown" for key in keys]
    for _ in range(operations // 5):
        a, b, c, d = (rng.choice(keys if rng.random() < 0.9 else unknown) for _ in range(4))
        yield a, b, c, d, rng.choice(keys)


def _work_through(cache: Cache[str, float], work: list[Five]) -> None:
    get, put = cache.get, cache.put
    for a, b, c, d, e in work:
        get(a)
        get(b)
        get(c)
        get(d)
        put(e, 2.0)
