"""The cache against a naive model of it, and the promises a user relies on."""

import math

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from alphaforge.engine.cache import Cache, CacheParameterError
from alphaforge.errors import AlphaForgeError

SECOND = 1_000_000_000


class Clock:
    """The time, moved by the test."""

    def __init__(self) -> None:
        self.ns = 1_700_000_000 * SECOND

    def __call__(self) -> int:
        return self.ns


def test_a_full_cache_drops_the_entry_not_used_for_longest():
    cache = Cache(max_size=2)
    cache.put("a", 1)
    cache.put("b", 2)
    assert cache.get("a") == 1
    cache.put("c", 3)
    assert cache.items() == [("a", 1), ("c", 3)]
    assert cache.statistics()["evictions"] == 1


def test_putting_an_existing_key_replaces_its_value_uses_it_and_evicts_nothing():
    cache = Cache(max_size=2)
    cache.put("a", 1)
    cache.put("b", 2)
    cache.put("a", 10)
    assert cache.items() == [("b", 2), ("a", 10)]
    assert cache.statistics()["evictions"] == 0


def test_looking_without_getting_uses_nothing_and_counts_nothing():
    cache = Cache(max_size=2)
    cache.put("a", 1)
    cache.put("b", 2)
    assert "a" in cache
    assert "z" not in cache
    assert len(cache) == 2
    assert cache.keys() == ["a", "b"]
    assert cache.statistics()["total_operations"] == 2


def test_none_is_a_value_like_any_other():
    cache = Cache(max_size=2)
    cache.put("a", None)
    assert cache.get("a", default=5) is None
    assert cache.get("b", default=5) == 5
    assert cache.statistics()["hits"] == 1


def test_an_entry_is_dead_from_the_moment_its_time_has_passed():
    clock = Clock()
    cache = Cache(max_size=9, ttl_seconds=1.5, clock=clock)
    cache.put("a", 1)
    clock.ns += 1_499_999_999
    assert cache.get("a") == 1
    clock.ns += 1
    assert "a" not in cache
    assert cache.get("a") is None
    assert cache.statistics()["expirations"] == 1
    assert cache.statistics()["misses"] == 1


def test_getting_does_not_lengthen_a_life_and_putting_begins_a_new_one():
    clock = Clock()
    cache = Cache(max_size=9, ttl_seconds=10, clock=clock)
    cache.put("read", 1)
    cache.put("written", 1)
    clock.ns += 9 * SECOND
    cache.get("read")
    cache.put("written", 2)
    clock.ns += SECOND
    assert cache.items() == [("written", 2)]


def test_an_entry_may_have_a_life_of_its_own():
    clock = Clock()
    cache = Cache(max_size=9, ttl_seconds=10, clock=clock)
    cache.put("short", 1, ttl_seconds=1)
    cache.put("usual", 1)
    cache.put("for ever", 1, ttl_seconds=math.inf)
    clock.ns += SECOND
    assert cache.keys() == ["usual", "for ever"]
    clock.ns += 10**9 * SECOND
    assert cache.keys() == ["for ever"]


def test_a_cache_without_a_usual_life_takes_one_for_an_entry_when_it_has_a_clock():
    clock = Clock()
    cache = Cache(max_size=9, clock=clock)
    cache.put("a", 1, ttl_seconds=1)
    cache.put("b", 1)
    clock.ns += SECOND
    assert cache.keys() == ["b"]


def test_len_and_size_leave_dead_entries_out_and_count_them_once():
    clock = Clock()
    cache = Cache(max_size=9, ttl_seconds=1, clock=clock)
    for key in "abc":
        cache.put(key, 1)
    clock.ns += SECOND
    assert len(cache) == 0
    assert cache.statistics()["size"] == 0
    assert cache.statistics()["expirations"] == 3


def test_a_dead_entry_dropped_for_room_expired_and_was_not_evicted():
    clock = Clock()
    cache = Cache(max_size=1, ttl_seconds=1, clock=clock)
    cache.put("a", 1)
    clock.ns += SECOND
    cache.put("b", 1)
    cache.put("c", 1)
    statistics = cache.statistics()
    assert (statistics["expirations"], statistics["evictions"]) == (1, 1)


def test_deleting_says_whether_there_was_a_living_entry():
    clock = Clock()
    cache = Cache(max_size=9, ttl_seconds=1, clock=clock)
    cache.put("a", 1)
    cache.put("b", 1)
    assert cache.delete("a") is True
    assert cache.delete("a") is False
    clock.ns += SECOND
    assert cache.delete("b") is False
    assert cache.statistics()["expirations"] == 1


def test_clearing_removes_the_entries_and_keeps_the_counts():
    cache = Cache(max_size=9)
    cache.put("a", 1)
    cache.get("a")
    cache.clear()
    assert (len(cache), cache.get("a")) == (0, None)
    assert cache.statistics()["hits"] == 1


def test_the_statistics_have_every_name_and_add_up():
    cache = Cache(max_size=2)
    assert cache.statistics()["hit_ratio"] == 0.0
    for key in "abc":
        cache.put(key, 1)
    for key in "bbbz":
        cache.get(key)
    cache.delete("b")
    assert cache.statistics() == {
        "total_operations": 8,
        "hits": 3,
        "misses": 1,
        "hit_ratio": 0.75,
        "puts": 3,
        "deletes": 1,
        "evictions": 1,
        "expirations": 0,
        "size": 1,
    }


@pytest.mark.parametrize("max_size", [0, -1, 1.5, True, None, "9"])
def test_a_size_that_keeps_nothing_is_refused_with_what_was_given(max_size):
    with pytest.raises(CacheParameterError, match="max_size") as caught:
        Cache(max_size=max_size)
    assert repr(max_size) in str(caught.value)


@pytest.mark.parametrize("ttl", [0, -1, math.nan])
def test_a_life_that_is_none_is_refused(ttl):
    with pytest.raises(CacheParameterError, match="above 0"):
        Cache(max_size=1, ttl_seconds=ttl, clock=Clock())


def test_a_life_without_a_clock_is_refused_and_the_error_names_the_clock():
    with pytest.raises(ValueError, match="clock=") as caught:
        Cache(max_size=1, ttl_seconds=1)
    assert isinstance(caught.value, AlphaForgeError)
    assert "nanoseconds" in caught.value.remedy
    with pytest.raises(CacheParameterError, match="clock="):
        Cache(max_size=1).put("a", 1, ttl_seconds=1)


def test_a_refused_put_changes_nothing():
    cache = Cache(max_size=2)
    cache.put("a", 1)
    before = cache.statistics()
    with pytest.raises(CacheParameterError):
        cache.put("a", 2, ttl_seconds=1)
    with pytest.raises(TypeError):
        cache.put([], 2)
    assert cache.items() == [("a", 1)]
    assert cache.statistics() == before


def test_a_life_shorter_than_a_nanosecond_lasts_one():
    clock = Clock()
    cache = Cache(max_size=2, ttl_seconds=1e-12, clock=clock)
    cache.put("a", 1)
    assert "a" in cache
    clock.ns += 1
    assert "a" not in cache


keys = st.sampled_from("abcdef")


class CacheMachine(RuleBasedStateMachine):
    """Every operation, against a list of entries in the order of their use."""

    @initialize(size=st.integers(1, 5), ttl=st.sampled_from([None, 1, 3]))
    def make(self, size, ttl):
        self.clock = Clock()
        self.ttl = ttl
        self.size = size
        self.cache = Cache(size, ttl_seconds=ttl, clock=self.clock)
        self.entries = []  # (key, value, deadline), the least recently used first
        self.counts = dict.fromkeys(
            ("hits", "misses", "puts", "deletes", "evictions", "expirations"), 0
        )

    def take_out(self, key):
        found = [entry for entry in self.entries if entry[0] == key]
        self.entries = [entry for entry in self.entries if entry[0] != key]
        return found[0] if found else None

    def is_dead(self, entry):
        return entry[2] <= self.clock.ns

    @rule(key=keys)
    def get(self, key):
        entry = self.take_out(key)
        if entry and self.is_dead(entry):
            self.counts["expirations"] += 1
            entry = None
        if entry:
            self.entries.append(entry)
        self.counts["hits" if entry else "misses"] += 1
        assert self.cache.get(key, "none") == (entry[1] if entry else "none")

    @rule(key=keys, value=st.integers(), ttl=st.sampled_from([None, 2, math.inf]))
    def put(self, key, value, ttl):
        self.take_out(key)
        life = self.ttl if ttl is None else ttl
        life_ns = math.inf if life in {None, math.inf} else life * SECOND
        self.entries.append((key, value, self.clock.ns + life_ns))
        self.counts["puts"] += 1
        if len(self.entries) > self.size:
            dropped = self.entries.pop(0)
            self.counts["expirations" if self.is_dead(dropped) else "evictions"] += 1
        self.cache.put(key, value, ttl_seconds=ttl)

    @rule(key=keys)
    def delete(self, key):
        entry = self.take_out(key)
        self.counts["deletes"] += 1
        self.counts["expirations"] += bool(entry and self.is_dead(entry))
        assert self.cache.delete(key) == bool(entry and not self.is_dead(entry))

    @rule(seconds=st.integers(1, 3))
    def wait(self, seconds):
        self.clock.ns += seconds * SECOND

    @rule()
    def clear(self):
        self.entries = []
        self.cache.clear()

    @rule()
    def look_at_all(self):
        living = [entry for entry in self.entries if not self.is_dead(entry)]
        self.counts["expirations"] += len(self.entries) - len(living)
        self.entries = living
        assert self.cache.items() == [entry[:2] for entry in living]
        assert self.cache.keys() == [entry[0] for entry in living]
        assert len(self.cache) == len(living)
        statistics = self.cache.statistics()
        assert {name: statistics[name] for name in self.counts} == self.counts
        assert statistics["total_operations"] == sum(
            self.counts[name] for name in ("hits", "misses", "puts", "deletes")
        )

    @invariant()
    def membership_agrees(self):
        living = {entry[0] for entry in self.entries if not self.is_dead(entry)}
        assert {key for key in "abcdef" if key in self.cache} == living

    @invariant()
    def there_are_never_too_many(self):
        assert len(self.cache._entries) <= self.size


CacheMachine.TestCase.settings = settings(stateful_step_count=40)
TestCacheMachine = CacheMachine.TestCase
