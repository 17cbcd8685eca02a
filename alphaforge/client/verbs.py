"""What a person can ask for on the command line and on the app's `:` line, as values.

`render` writes each the way it is typed; `grammar.parse` reads it back. Must do nothing.
"""

import shlex
from typing import Final, TypeAlias

import msgspec

from alphaforge.client.requests import (
    CancelAllRequest,
    FlattenRequest,
    ModifyRequest,
    OrderRequest,
)

SCREENS: Final = ("dashboard", "chart", "blotter", "strategies", "risk", "logs", "report")

EXPORTS: Final = ("fills", "orders", "equity", "positions")


class OrderVerb(msgspec.Struct, frozen=True):
    """`order buy BTC/USDT 0.1 --limit 67250`; with `--dry-run` only judged."""

    request: OrderRequest
    dry_run: bool = False


class CancelVerb(msgspec.Struct, frozen=True):
    """`order cancel o-000007`."""

    order_id: str


class ModifyVerb(msgspec.Struct, frozen=True):
    """`order modify o-000007 --limit 67300`."""

    order_id: str
    request: ModifyRequest


class CancelAllVerb(msgspec.Struct, frozen=True):
    """`order cancel --all --symbol BTC/USDT`."""

    request: CancelAllRequest


class FlattenVerb(msgspec.Struct, frozen=True):
    """`flatten`, `flatten BTC/USDT`."""

    request: FlattenRequest


class KillVerb(msgspec.Struct, frozen=True):
    """`kill`, `kill --flatten`."""

    flatten: bool = False


class PauseVerb(msgspec.Struct, frozen=True):
    """`pause`: only what brings positions down passes."""


class ResumeVerb(msgspec.Struct, frozen=True):
    """`resume`."""


class ArmVerb(msgspec.Struct, frozen=True):
    """`risk arm`: takes a kill back."""


class StopVerb(msgspec.Struct, frozen=True):
    """`stop`: the engine, in order."""


class ReconcileVerb(msgspec.Struct, frozen=True):
    """`reconcile`."""


class StrategyVerb(msgspec.Struct, frozen=True):
    """`strategy start NAME`; `action` is `start`, `stop` or `reload`."""

    name: str
    action: str


class SetVerb(msgspec.Struct, frozen=True):
    """`set NAME fast=5 slow=20`: a strategy's parameters, in the spelling of `--set`."""

    name: str
    parameters: dict[str, str]


class AcknowledgeVerb(msgspec.Struct, frozen=True):
    """`ack 3`: an alert was read; 0 = all of them."""

    number: int


class GotoVerb(msgspec.Struct, frozen=True):
    """`goto ETH/USDT`."""

    symbol: str


class ScreenVerb(msgspec.Struct, frozen=True):
    """`screen risk`, or only `risk`."""

    name: str


class ThemeVerb(msgspec.Struct, frozen=True):
    """`theme NAME`; without a name the choice is shown."""

    name: str


class FilterVerb(msgspec.Struct, frozen=True):
    """`filter st:rejected`, `/btc`; empty takes the filter away."""

    text: str


class WhyVerb(msgspec.Struct, frozen=True):
    """`why o-000007`."""

    order: str


class ExportVerb(msgspec.Struct, frozen=True):
    """`export fills FILE`; without a file the app chooses one."""

    what: str
    file: str = ""


class HelpVerb(msgspec.Struct, frozen=True):
    """`help`, `help order`."""

    topic: str = ""


class QuitVerb(msgspec.Struct, frozen=True):
    """`quit`."""


Verb: TypeAlias = (
    OrderVerb
    | CancelVerb
    | ModifyVerb
    | CancelAllVerb
    | FlattenVerb
    | KillVerb
    | PauseVerb
    | ResumeVerb
    | ArmVerb
    | StopVerb
    | ReconcileVerb
    | StrategyVerb
    | SetVerb
    | AcknowledgeVerb
    | GotoVerb
    | ScreenVerb
    | ThemeVerb
    | FilterVerb
    | WhyVerb
    | ExportVerb
    | HelpVerb
    | QuitVerb
)

_BARE: Final[dict[type[msgspec.Struct], tuple[str, ...]]] = {
    PauseVerb: ("pause",),
    ResumeVerb: ("resume",),
    ArmVerb: ("risk", "arm"),
    StopVerb: ("stop",),
    ReconcileVerb: ("reconcile",),
    QuitVerb: ("quit",),
}


def render(verb: Verb) -> str:
    """One line that `grammar.parse` reads as this verb."""
    if isinstance(verb, FilterVerb):
        return f"filter {verb.text}".rstrip()
    return shlex.join(_words(verb))


def _words(verb: Verb) -> tuple[str, ...]:
    bare = _BARE.get(type(verb))
    if bare is not None:
        return bare
    if isinstance(verb, OrderVerb):
        return (*_order_words(verb.request), *(("--dry-run",) if verb.dry_run else ()))
    if isinstance(verb, ModifyVerb):
        return ("order", "modify", verb.order_id, *_options(verb.request))
    if isinstance(verb, CancelAllVerb):
        return ("order", "cancel", "--all", *_options(verb.request))
    if isinstance(verb, FlattenVerb):
        symbol = (verb.request.symbol,) if verb.request.symbol else ()
        rest = ("--strategy", verb.request.strategy) if verb.request.strategy else ()
        return ("flatten", *symbol, *rest)
    return _named_words(verb)


def _named_words(verb: Verb) -> tuple[str, ...]:
    """Of the verbs whose words stand in the order of their fields."""
    heads: dict[type[msgspec.Struct], tuple[str, ...]] = {
        CancelVerb: ("order", "cancel"),
        AcknowledgeVerb: ("alerts", "ack"),
        GotoVerb: ("goto",),
        ScreenVerb: ("screen",),
        ThemeVerb: ("theme",),
        WhyVerb: ("why",),
        ExportVerb: ("export",),
        HelpVerb: ("help",),
    }
    if isinstance(verb, KillVerb):
        return ("kill", "--flatten") if verb.flatten else ("kill",)
    if isinstance(verb, StrategyVerb):
        return ("strategy", verb.action, verb.name)
    if isinstance(verb, SetVerb):
        return ("set", verb.name, *(f"{key}={value}" for key, value in verb.parameters.items()))
    if isinstance(verb, AcknowledgeVerb):
        return ("alerts", "ack", str(verb.number) if verb.number else "--all")
    fields = (str(getattr(verb, name)) for name in verb.__struct_fields__)
    return (*heads[type(verb)], *(field for field in fields if field))


def _order_words(request: OrderRequest) -> tuple[str, ...]:
    return (
        "order",
        request.side.lower(),
        request.symbol,
        request.quantity,
        *_options(request, leave_out=frozenset({"symbol", "side", "quantity"})),
    )


def _options(request: msgspec.Struct, leave_out: frozenset[str] = frozenset()) -> tuple[str, ...]:
    """`--field value` for all that differ from their default; `who` is never typed."""
    words: list[str] = []
    for field in msgspec.structs.fields(request):
        value: object = getattr(request, field.name)
        if field.name in leave_out or field.name == "who" or value == field.default:
            continue
        words.append(f"--{field.name.replace('_', '-')}")
        if value is not True:
            words.append(str(value))
    return tuple(words)
