"""The exchange's clock goes on steadily, believes a machine that slept, and can be made wrong."""

from alphaforge.sandbox.clock import WAKE_NS, ExchangeClock

SECOND = 1_000_000_000


class Machine:
    def __init__(self) -> None:
        self.wall, self.steady = 1_700_000_000 * SECOND, 5 * SECOND

    def pass_time(self, ns: int) -> None:
        self.wall += ns
        self.steady += ns

    def clock(self) -> ExchangeClock:
        return ExchangeClock(lambda: self.wall, lambda: self.steady)


def test_it_tells_the_time() -> None:
    machine = Machine()
    clock = machine.clock()
    machine.pass_time(3 * SECOND)
    assert clock.now() == machine.wall


def test_a_wall_clock_that_is_set_back_does_not_take_it_along() -> None:
    machine = Machine()
    clock = machine.clock()
    before = clock.now()
    machine.wall -= 3_600 * SECOND
    machine.pass_time(SECOND)
    assert clock.now() == before + SECOND


def test_after_a_sleep_it_shows_what_the_wall_clock_shows() -> None:
    machine = Machine()
    clock = machine.clock()
    machine.wall += 8 * 3_600 * SECOND
    machine.pass_time(SECOND)
    assert clock.now() == machine.wall


def test_small_steps_of_the_wall_clock_are_not_followed() -> None:
    machine = Machine()
    clock = machine.clock()
    before = clock.now()
    machine.wall += WAKE_NS // 2
    assert clock.now() == before


def test_a_skew_moves_what_is_told_and_not_the_true_time() -> None:
    machine = Machine()
    clock = machine.clock()
    clock.skew_ns = -10 * SECOND
    assert clock.now() == machine.wall - 10 * SECOND
    assert clock.true_now() == machine.wall


def test_the_machines_own_clock_is_the_default() -> None:
    clock = ExchangeClock()
    first = clock.now()
    assert first > 1_700_000_000 * SECOND
    assert clock.now() >= first
