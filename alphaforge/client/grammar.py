"""The one parser of the verbs: the command line and the app's `:` line share it.

START HERE: `FORMS` is the whole language. Text or words in, a `Verb` out, or a `UsageError` that
says what to type. Numbers are checked to be numbers and written in plain decimals; whether a
symbol or an order exists is the engine's to say. Must never do what was asked.
"""

import shlex
from collections.abc import Callable, Sequence
from typing import Final, NamedTuple

from alphaforge.client.order_grammar import (
    CANCEL_OPTIONS,
    MODIFY_OPTIONS,
    ORDER_OPTIONS,
    TIMES,
    order_reader,
    read_cancel,
    read_flatten,
    read_kill,
    read_modify,
)
from alphaforge.client.verbs import (
    EXPORTS,
    SCREENS,
    AcknowledgeVerb,
    ArmVerb,
    ExportVerb,
    FilterVerb,
    GotoVerb,
    HelpVerb,
    PauseVerb,
    QuitVerb,
    ReconcileVerb,
    ResumeVerb,
    ScreenVerb,
    SetVerb,
    StopVerb,
    StrategyVerb,
    ThemeVerb,
    Verb,
    WhyVerb,
)
from alphaforge.client.words import FLAGS, Words, near, shown
from alphaforge.errors import UsageError
from alphaforge.model.enums import OrderSide

_LONGEST_LINE: Final = 2_000


class Form(NamedTuple):
    """How one verb is typed.

    Attributes:
        read: The words after it → the verb; raises `UsageError`.
        usage: As help and errors show it.
        help: One line.
        places: What stands at each place, for completion: a field of `Names`.
        options: That it knows.
    """

    read: Callable[[Words], Verb]
    usage: str
    help: str
    places: tuple[str, ...] = ()
    options: tuple[str, ...] = ()


class Names(NamedTuple):
    """What completion may offer; from a mirror, a settings file or nowhere."""

    symbols: tuple[str, ...] = ()
    orders: tuple[str, ...] = ()
    strategies: tuple[str, ...] = ()
    themes: tuple[str, ...] = ()
    screens: tuple[str, ...] = SCREENS
    exports: tuple[str, ...] = EXPORTS


NO_NAMES: Final = Names()


def _bare(verb: Verb) -> Callable[[Words], Verb]:
    def read(words: Words) -> Verb:
        words.end()
        return verb

    return read


def _stop(words: Words) -> Verb:
    name = words.take_if_any("the strategy")
    words.end()
    return StrategyVerb(name, "stop") if name else StopVerb()


def _strategy(action: str) -> Callable[[Words], Verb]:
    def read(words: Words) -> Verb:
        name = words.take("the strategy")
        words.end()
        return StrategyVerb(name, action)

    return read


def _set(words: Words) -> Verb:
    name = words.take("the strategy")
    parameters: dict[str, str] = {}
    for word in words.places:
        key, is_set, value = word.partition("=")
        if not is_set or not key.isidentifier():
            raise words.wrong(f"a parameter is typed NAME=VALUE: {shown(word)}")
        if key in parameters:
            raise words.wrong(f"{key} was said twice")
        if not value.isprintable():
            raise words.wrong(f"{key} has characters that cannot be typed")
        parameters[key] = value
    if not parameters:
        raise words.wrong("which parameter? NAME=VALUE")
    return SetVerb(name, parameters)


def _acknowledge(words: Words) -> Verb:
    number = words.take_if_any("the alert's number")
    words.end()
    if words.has("--all") and not number:
        return AcknowledgeVerb(0)
    return AcknowledgeVerb(words.count("the alert's number", number))


def _goto(words: Words) -> Verb:
    symbol = words.take("the symbol")
    words.end()
    return GotoVerb(symbol)


def _screen(words: Words) -> Verb:
    name = words.take("the screen").lower()
    words.end()
    if name not in SCREENS:
        raise words.wrong(f"there is no screen {name}", near(name, SCREENS))
    return ScreenVerb(name)


def _theme(words: Words) -> Verb:
    name = words.take_if_any("the theme")
    words.end()
    return ThemeVerb(name)


def _why(words: Words) -> Verb:
    order_id = words.take("the order's id")
    words.end()
    return WhyVerb(order_id)


def _export(words: Words) -> Verb:
    what = words.take("what").lower()
    file = words.take_if_any("the file")
    words.end()
    if what not in EXPORTS:
        raise words.wrong(f"there is no export {what}", near(what, EXPORTS))
    return ExportVerb(what, file)


def _filter(words: Words) -> Verb:
    return FilterVerb(" ".join(words.places))


def _help(words: Words) -> Verb:
    topic = " ".join(words.name("the topic", word) for word in words.places)
    return HelpVerb(topic)


_BUY = Form(
    order_reader(OrderSide.BUY),
    "order buy SYMBOL QTY [--limit P | @P] [--stop P] [--trail D] [--post-only] [--dry-run]",
    "Buy; without a price at the market.",
    ("symbols",),
    ORDER_OPTIONS,
)
_SELL = _BUY._replace(
    read=order_reader(OrderSide.SELL),
    usage=_BUY.usage.replace("buy", "sell"),
    help="Sell; without a price at the market.",
)
_CANCEL = Form(
    read_cancel,
    "order cancel ID | --all [--symbol S] [--strategy NAME]",
    "Cancel one order, or all.",
    ("orders",),
    CANCEL_OPTIONS,
)
_MODIFY = Form(
    read_modify,
    "order modify ID [--quantity Q] [--limit P | @P] [--stop P]",
    "Give a working order new terms.",
    ("orders",),
    MODIFY_OPTIONS,
)
_FLATTEN = Form(
    read_flatten,
    "flatten [SYMBOL] [--strategy NAME]",
    "Close positions at the market.",
    ("symbols",),
    ("--strategy",),
)
_ACK = Form(_acknowledge, "alerts ack NUMBER | --all", "Say that it was read.", (), ("--all",))
_ARM = Form(_bare(ArmVerb()), "risk arm", "Take a kill back.")

FORMS: Final[dict[str, Form]] = {
    "order buy": _BUY,
    "order sell": _SELL,
    "order cancel": _CANCEL,
    "order modify": _MODIFY,
    "order flatten": _FLATTEN,
    "buy": _BUY,
    "sell": _SELL,
    "cancel": _CANCEL,
    "modify": _MODIFY,
    "flatten": _FLATTEN,
    "kill": Form(
        read_kill,
        "kill [--flatten]",
        "Stop strategies, cancel all orders, close positions with --flatten.",
        (),
        ("--flatten",),
    ),
    "pause": Form(_bare(PauseVerb()), "pause", "Only what brings positions down passes."),
    "resume": Form(_bare(ResumeVerb()), "resume", "Trade again after a pause."),
    "risk arm": _ARM,
    "arm": _ARM,
    "stop": Form(_stop, "stop [STRATEGY]", "Stop the engine, or one strategy.", ("strategies",)),
    "strategy start": Form(
        _strategy("start"), "strategy start NAME", "Start one.", ("strategies",)
    ),
    "strategy stop": Form(_strategy("stop"), "strategy stop NAME", "Stop one.", ("strategies",)),
    "strategy reload": Form(
        _strategy("reload"), "strategy reload NAME", "Read its file again.", ("strategies",)
    ),
    "start": Form(_strategy("start"), "start STRATEGY", "Start a strategy.", ("strategies",)),
    "reload": Form(_strategy("reload"), "reload STRATEGY", "Read its file.", ("strategies",)),
    "set": Form(_set, "set STRATEGY NAME=VALUE ...", "Change parameters.", ("strategies",)),
    "reconcile": Form(_bare(ReconcileVerb()), "reconcile", "Compare with the venue now."),
    "alerts ack": _ACK,
    "ack": _ACK,
    "why": Form(_why, "why ORDER", "One order's whole life in words.", ("orders",)),
    "goto": Form(_goto, "goto SYMBOL", "Show that symbol.", ("symbols",)),
    "screen": Form(_screen, "screen NAME", "Show that screen.", ("screens",)),
    "filter": Form(_filter, "filter TEXT", "Show matching rows only."),
    "export": Form(_export, "export WHAT [FILE]", "Write rows to a file.", ("exports",)),
    "theme": Form(_theme, "theme [NAME]", "Other colours.", ("themes",)),
    "help": Form(_help, "help [TOPIC]", "What can be typed."),
    "quit": Form(_bare(QuitVerb()), "quit", "Leave the app; the engine goes on."),
    "q": Form(_bare(QuitVerb()), "q", "The same."),
    **{
        words: Form(_bare(ScreenVerb(screen)), words, f"Show the screen {screen}.")
        for words, screen in {
            "status": "dashboard",
            "balance": "dashboard",
            "pnl": "dashboard",
            "orders": "blotter",
            "positions": "blotter",
            "fills": "blotter",
            "risk show": "risk",
            "alerts list": "risk",
        }.items()
    },
}
"""Every verb by how it begins."""

_VALUES: Final[dict[str, str]] = {"--strategy": "strategies", "--symbol": "symbols"}


def parse(text: str | Sequence[str]) -> Verb:
    """What was typed: a line, or words that a shell has split.

    Raises `UsageError`, and nothing else, for any text.
    """
    raw = text if isinstance(text, str) else shlex.join(text)
    if len(raw) > _LONGEST_LINE:
        raise UsageError("this line is too long", remedy=f"at most {_LONGEST_LINE} characters")
    filtered = _as_filter(text)
    if filtered is not None:
        return filtered
    words = _split(text) if isinstance(text, str) else list(text)
    if not words:
        raise UsageError("nothing was typed", remedy="type: help")
    key, rest = _find(words)
    form = FORMS[key]
    return form.read(Words(form.usage, form.options, rest))


def complete(text: str, names: Names = NO_NAMES) -> list[str]:
    """What the last word of a line could become, whole words, sorted."""
    words = text.split()
    last = "" if not words or text[-1:].isspace() else words.pop()
    return sorted(
        word for word in _offers(words, last, names) if word.lower().startswith(last.lower())
    )


def _offers(words: list[str], last: str, names: Names) -> set[str]:
    """Everything that may stand after `words`."""
    if not words:
        return {key.partition(" ")[0] for key in FORMS} | set(names.screens)
    key = " ".join(words[:2]).lower()
    if key not in FORMS:
        key = words[0].lower()
        group = {each.partition(" ")[2] for each in FORMS if each.startswith(f"{key} ")}
        if group and len(words) == 1:
            return group
        if key not in FORMS:
            return set()
    form, rest = FORMS[key], words[len(key.split()) :]
    return _arguments(form, rest, last, names)


def _arguments(form: Form, rest: list[str], last: str, names: Names) -> set[str]:
    before = rest[-1] if rest else ""
    if before in form.options and before not in FLAGS:
        return set(TIMES) if before == "--tif" else set(_of(names, _VALUES.get(before, "")))
    if last.startswith("-"):
        return {option for option in form.options if option not in rest}
    taken = [word for word in rest if not word.startswith("-")]
    place = form.places[len(taken)] if len(taken) < len(form.places) else ""
    return set(_of(names, place))


def _of(names: Names, kind: str) -> tuple[str, ...]:
    found: dict[str, tuple[str, ...]] = names._asdict()
    return found.get(kind, ())


def _as_filter(text: str | Sequence[str]) -> FilterVerb | None:
    """`/text` and `filter text`: all that follows, as it stands."""
    line = text.strip() if isinstance(text, str) else " ".join(text).strip()
    head, _, rest = line.partition(" ")
    if line.startswith("/"):
        rest = line[1:]
    elif head != "filter":
        return None
    if not rest.isprintable():
        raise UsageError("a filter is plain text", remedy="type: filter TEXT")
    return FilterVerb(rest.strip())


def _split(text: str) -> list[str]:
    try:
        return shlex.split(text)
    except ValueError:
        raise UsageError("a quotation mark is open", remedy="close it, or leave it out") from None


def _find(words: list[str]) -> tuple[str, list[str]]:
    """The key of the verb and the words after it."""
    for length in (2, 1):
        key = " ".join(words[:length]).lower()
        if len(words) >= length and key in FORMS:
            return key, words[length:]
    first = words[0].lower()
    if first in SCREENS and len(words) == 1:
        return "screen", [first]
    group = [key.partition(" ")[2] for key in FORMS if key.startswith(f"{first} ")]
    if group:
        wanted = shown(words[1]) if len(words) > 1 else ""
        raise UsageError(
            f"there is no {first} {wanted}" if wanted else f"{first} what?",
            remedy=near(wanted, group) or f"type: {first} {'|'.join(group)}",
        )
    known = [*dict.fromkeys(key.partition(" ")[0] for key in FORMS), *SCREENS]
    raise UsageError(
        f"there is no command {shown(words[0])}", remedy=near(first, known) or "type: help"
    )
