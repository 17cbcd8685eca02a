"""The message bus: who gets a message, in which order, and what a broken handler does to others."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from alphaforge.engine.bus import HandlerFailure, MessageBus


def test_handlers_get_a_message_in_the_order_they_subscribed_whatever_their_patterns():
    bus, heard = MessageBus(), []
    bus.subscribe("orders.*", lambda m: heard.append(("pattern", m)))
    bus.subscribe("orders.filled", lambda m: heard.append(("exact", m)))
    bus.subscribe("*", lambda m: heard.append(("all", m)))
    assert bus.publish("orders.filled", 7) == 3
    assert heard == [("pattern", 7), ("exact", 7), ("all", 7)]


@pytest.mark.parametrize(
    ("pattern", "topic", "fits"),
    [
        ("orders.*", "orders.filled", True),
        ("orders.*", "orders.filled.BTC/USDT", True),
        ("orders.*", "orders.", True),
        ("orders.*", "orders", False),
        ("orders.*", "borders.filled", False),
        ("*.filled", "orders.filled", True),
        ("orders.*.BTC/USDT", "orders.filled.BTC/USDT", True),
        ("orders.*.BTC/USDT", "orders.filled.ETH/USDT", False),
        ("a.b", "axb", False),
        ("a+*", "aab", False),
        ("a[1]*", "a[1].x", True),
        ("*", "line\nbreak", True),
    ],
)
def test_a_star_stands_for_any_run_of_characters_and_nothing_else_is_special(pattern, topic, fits):
    bus = MessageBus()
    bus.subscribe(pattern, lambda _: None)
    assert bus.publish(topic, None) == int(fits)


def test_a_message_nobody_subscribed_to_is_delivered_to_nobody_and_its_topic_shows():
    bus = MessageBus()
    bus.subscribe("orders.filled", lambda _: None)
    assert bus.publish("order.filled", 1) == 0
    assert bus.publish("order.filled", 2) == 0
    assert bus.statistics() == {
        "published": 0,
        "delivered": 0,
        "failed": 0,
        "subscriptions": 1,
        "unheard_topics": 1,
    }


def test_a_subscription_made_after_a_topic_was_published_hears_the_next_message():
    bus, heard = MessageBus(), []
    bus.publish("bars", 1)
    bus.subscribe("bars", heard.append)
    bus.publish("bars", 2)
    assert heard == [2]


def test_a_canceled_subscription_hears_nothing_more_and_may_be_canceled_again():
    bus, heard = MessageBus(), []
    subscription = bus.subscribe("bars", heard.append)
    bus.publish("bars", 1)
    assert subscription.active
    subscription.cancel()
    subscription.cancel()
    assert not subscription.active
    assert bus.publish("bars", 2) == 0
    assert heard == [1]


def test_the_same_handler_subscribed_twice_is_called_twice_and_canceled_once_at_a_time():
    bus, heard = MessageBus(), []
    first = bus.subscribe("bars", heard.append)
    bus.subscribe("bars", heard.append)
    bus.publish("bars", 1)
    first.cancel()
    bus.publish("bars", 2)
    assert heard == [1, 1, 2]


def test_canceling_during_a_publish_takes_effect_after_it():
    bus, heard = MessageBus(), []
    bus.subscribe("bars", lambda _: second.cancel())
    second = bus.subscribe("bars", heard.append)
    bus.publish("bars", 1)
    bus.publish("bars", 2)
    assert heard == [1]


def test_subscribing_during_a_publish_takes_effect_after_it():
    bus, heard = MessageBus(), []
    once = bus.subscribe("bars", lambda _: (once.cancel(), bus.subscribe("bars", heard.append)))
    bus.publish("bars", 1)
    assert heard == []
    bus.publish("bars", 2)
    assert heard == [2]


def test_a_message_published_by_a_handler_is_delivered_before_the_outer_one_goes_on():
    bus, heard = MessageBus(), []
    bus.subscribe("outer", lambda _: bus.publish("inner", "inner"))
    bus.subscribe("outer", heard.append)
    bus.subscribe("inner", heard.append)
    bus.publish("outer", "outer")
    assert heard == ["inner", "outer"]


def broken_view(message: object) -> None:
    raise ZeroDivisionError(f"cannot draw {message}")


def test_a_handler_that_raises_keeps_nobody_from_the_message_and_is_reported():
    reported: list[HandlerFailure] = []
    heard: list[object] = []
    bus = MessageBus(on_error=reported.append)
    bus.subscribe("fills", broken_view)
    bus.subscribe("fills", heard.append)
    assert bus.publish("fills", 9) == 1
    assert heard == [9]
    assert tuple(reported) == bus.errors
    failure = bus.errors[0]
    assert (failure.topic, failure.handler) == ("fills", "broken_view")
    assert str(failure.error) == "cannot draw 9"
    assert bus.statistics()["failed"] == 1
    assert bus.statistics()["delivered"] == 1


def test_only_the_latest_failures_are_kept_but_all_are_counted():
    bus = MessageBus(keep_errors=3)
    bus.subscribe("fills", broken_view)
    for number in range(10):
        bus.publish("fills", number)
    assert [str(failure.error)[-1] for failure in bus.errors] == ["7", "8", "9"]
    assert bus.statistics()["failed"] == 10


def test_what_the_error_callback_raises_reaches_the_publisher():
    def escalate(failure: HandlerFailure) -> None:
        raise failure.error

    bus = MessageBus(on_error=escalate)
    bus.subscribe("fills", broken_view)
    with pytest.raises(ZeroDivisionError):
        bus.publish("fills", 1)


def test_a_callable_object_is_named_by_its_class():
    class Panel:
        def __call__(self, message: object) -> None:
            raise ValueError(message)

    bus = MessageBus()
    bus.subscribe("fills", Panel())
    bus.publish("fills", 1)
    assert bus.errors[0].handler.endswith("Panel")


def test_an_interrupt_is_never_kept_from_the_program():
    def interrupted(_: object) -> None:
        raise KeyboardInterrupt

    bus = MessageBus()
    bus.subscribe("fills", interrupted)
    with pytest.raises(KeyboardInterrupt):
        bus.publish("fills", 1)


def test_topics_without_end_do_not_fill_the_memory():
    bus, heard = MessageBus(), []
    bus.subscribe("orders.*", heard.append)
    for number in range(25_000):
        bus.publish(f"orders.{number}", number)
    assert len(heard) == 25_000
    assert len(bus._routes) <= 10_000


topics = st.sampled_from(["a", "a.b", "a.c", "b", "b.a"])
patterns = st.sampled_from(["a", "a.*", "*", "*.a", "a*", "b"])
steps = st.lists(
    st.one_of(
        st.tuples(st.just("subscribe"), patterns),
        st.tuples(st.just("cancel"), st.integers(0, 9)),
        st.tuples(st.just("publish"), topics),
    ),
    max_size=40,
)


def _fits(pattern: str, topic: str) -> bool:
    head, star, tail = pattern.partition("*")
    if not star:
        return pattern == topic
    long_enough = len(topic) >= len(head) + len(tail)
    return long_enough and topic.startswith(head) and topic.endswith(tail)


@given(steps)
def test_the_cached_routes_never_differ_from_asking_every_subscription(actions):
    bus, heard, subscriptions = MessageBus(), [], []
    for number, (action, argument) in enumerate(actions):
        if action == "subscribe":
            hear = lambda message, n=number: heard.append((n, message))  # noqa: E731 - binds n
            subscriptions.append((number, argument, bus.subscribe(argument, hear)))
        elif action == "cancel" and argument < len(subscriptions):
            subscriptions.pop(argument)[2].cancel()
        elif action == "publish":
            heard.clear()
            bus.publish(argument, number)
            assert heard == [(n, number) for n, p, _ in subscriptions if _fits(p, argument)]
