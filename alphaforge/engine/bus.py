"""The message bus: a topic, and the handlers that asked for it, called one after the other.

It tells views, user subscribers and the control API what a Step has done. It must never carry a
trading decision: nothing in the engine may wait for, or depend on, what a handler does. It is
synchronous and belongs to one thread.
"""

import re
from collections import deque
from collections.abc import Callable
from typing import Any, Final, NamedTuple

_MOST_ROUTES: Final = 10_000  # topics may hold ids; past this the resolved routes are forgotten

Handler = Callable[[Any], object]


class HandlerFailure(NamedTuple):
    """One message that a handler did not take.

    Attributes:
        topic: The topic it was published on.
        handler: The qualified name of the handler.
        error: What it raised.
    """

    topic: str
    handler: str
    error: Exception


class Subscription:
    """One handler's interest in the topics of one pattern; made by `MessageBus.subscribe`.

    Attributes:
        pattern: The topic or pattern asked for.
        handler: What is called with each message.
    """

    __slots__ = ("_bus", "handler", "pattern")

    def __init__(self, bus: "MessageBus", pattern: str, handler: Handler) -> None:
        self._bus = bus
        self.pattern = pattern
        self.handler = handler

    @property
    def active(self) -> bool:
        """False once it was cancelled."""
        return self._bus.holds(self)

    def cancel(self) -> None:
        """End it; a publish under way still delivers. A second call changes nothing."""
        self._bus.drop(self)


class MessageBus:
    """Delivers each message to the handlers of its topic, in the order they subscribed.

    In a pattern `*` stands for any run of characters, dots and none included: `orders.*` takes
    `orders.filled` and `orders.filled.BTC/USDT`; `*` takes everything. A publish delivers to those
    who were subscribed when it began; a publish from inside a handler is delivered at once and
    begins later, so it sees what changed meanwhile. A handler that raises keeps nobody else from
    the message: the failure is counted, kept in `errors` and given to `on_error`.

    Args:
        on_error: Called with each failure, right after the handler raised. What it raises itself
            leaves `publish`.
        keep_errors: How many of the latest failures `errors` holds.
    """

    __slots__ = (
        "_delivered",
        "_errors",
        "_failed",
        "_on_error",
        "_published",
        "_routes",
        "_subscriptions",
    )

    def __init__(
        self,
        on_error: Callable[[HandlerFailure], object] | None = None,
        keep_errors: int = 100,
    ) -> None:
        self._on_error = on_error
        self._errors: deque[HandlerFailure] = deque(maxlen=keep_errors)
        # A dict for its order and its cheap removal; subscriptions are compared by identity.
        self._subscriptions: dict[Subscription, re.Pattern[str] | None] = {}
        self._routes: dict[str, tuple[Handler, ...]] = {}
        self._published = self._delivered = self._failed = 0

    def subscribe(self, topic: str, handler: Handler) -> Subscription:
        """Call the handler with every message of the topic, or of each topic the pattern fits.

        A handler that is subscribed twice is called twice.
        """
        subscription = Subscription(self, topic, handler)
        self._subscriptions[subscription] = _compiled(topic) if "*" in topic else None
        self._routes = {}
        return subscription

    def publish(self, topic: str, message: object) -> int:
        """Give the message to every handler of the topic.

        Returns:
            How many handlers took it without raising.
        """
        try:
            handlers = self._routes[topic]
        except KeyError:
            handlers = self._resolve(topic)
        if not handlers:
            return 0  # not even counted: what nobody asked for must cost next to nothing
        self._published += 1
        delivered = 0
        for handler in handlers:
            try:
                handler(message)
            except Exception as error:  # noqa: BLE001 - a subscriber's fault ends at the subscriber
                self._fail(topic, handler, error)
            else:
                delivered += 1
        self._delivered += delivered
        return delivered

    @property
    def errors(self) -> tuple[HandlerFailure, ...]:
        """The latest failures, the oldest first."""
        return tuple(self._errors)

    def statistics(self) -> dict[str, int]:
        """What happened since the bus was made.

        Returns:
            `published`, the messages with at least one handler; `delivered` and `failed`, the
            calls of handlers that returned and that raised; `subscriptions` there are now;
            `unheard_topics`, how many topics were published without any handler since the last
            subscribe or cancel (a first place to look when a handler is never called).
        """
        return {
            "published": self._published,
            "delivered": self._delivered,
            "failed": self._failed,
            "subscriptions": len(self._subscriptions),
            "unheard_topics": sum(not handlers for handlers in self._routes.values()),
        }

    def holds(self, subscription: Subscription) -> bool:
        """Whether the subscription is active on this bus."""
        return subscription in self._subscriptions

    def drop(self, subscription: Subscription) -> None:
        """End a subscription; one that is not held is left alone."""
        if subscription in self._subscriptions:
            del self._subscriptions[subscription]
            self._routes = {}

    def _resolve(self, topic: str) -> tuple[Handler, ...]:
        if len(self._routes) >= _MOST_ROUTES:
            self._routes = {}
        handlers = tuple(
            subscription.handler
            for subscription, pattern in self._subscriptions.items()
            if (pattern.fullmatch(topic) if pattern else subscription.pattern == topic)
        )
        self._routes[topic] = handlers
        return handlers

    def _fail(self, topic: str, handler: Handler, error: Exception) -> None:
        self._failed += 1
        failure = HandlerFailure(topic, _name_of(handler), error)
        self._errors.append(failure)
        if self._on_error is not None:
            self._on_error(failure)


def _compiled(pattern: str) -> re.Pattern[str]:
    return re.compile(".*".join(re.escape(part) for part in pattern.split("*")), re.DOTALL)


def _name_of(handler: Handler) -> str:
    name = getattr(handler, "__qualname__", None)
    return name if isinstance(name, str) else type(handler).__qualname__
