"""The one parser of the verbs: what is typed, what is refused and how, what completion offers."""

import string

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from alphaforge.client.grammar import FORMS, Names, complete, parse
from alphaforge.client.requests import (
    CancelAllRequest,
    FlattenRequest,
    ModifyRequest,
    OrderRequest,
)
from alphaforge.client.verbs import (
    EXPORTS,
    SCREENS,
    AcknowledgeVerb,
    ArmVerb,
    CancelAllVerb,
    CancelVerb,
    ExportVerb,
    FilterVerb,
    FlattenVerb,
    GotoVerb,
    HelpVerb,
    KillVerb,
    ModifyVerb,
    OrderVerb,
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
    render,
)
from alphaforge.errors import UsageError
from alphaforge.model.numbers import decimal_of, plain

NUMBERS = st.decimals(min_value="1e-8", max_value="1e9", places=8).map(plain)
PRICES = st.none() | NUMBERS
LETTERS = string.ascii_letters + string.digits + "/:_.é%' \"\\"
NAMES = st.text(LETTERS, min_size=1, max_size=12).filter(lambda text: text.strip() == text)
MAYBE = st.just("") | NAMES
TEXTS = st.text(LETTERS + "-@=", max_size=20).map(str.strip)


@st.composite
def orders(draw: st.DrawFn) -> OrderVerb:
    limit = draw(PRICES)
    trail = draw(st.none() | NUMBERS | NUMBERS.map(lambda text: text + "%"))
    post_only = limit is not None and draw(st.booleans())
    request = OrderRequest(
        symbol=draw(NAMES),
        side=draw(st.sampled_from(["BUY", "SELL"])),
        quantity=draw(NUMBERS),
        limit=limit,
        stop=draw(PRICES),
        tif="GTC" if post_only else draw(st.sampled_from(["GTC", "IOC", "FOK"])),
        post_only=post_only,
        reduce_only=draw(st.booleans()),
        take_profit=draw(PRICES),
        stop_loss=draw(PRICES),
        strategy=draw(NAMES),
        tag=draw(MAYBE),
        client_id=draw(MAYBE),
    )
    if trail is not None and not post_only:
        request.limit, request.stop, request.trail = None, None, trail
    return OrderVerb(request, dry_run=draw(st.booleans()))


MODIFIES = st.builds(ModifyRequest, quantity=PRICES, limit=PRICES, stop=PRICES).filter(
    lambda request: request != ModifyRequest()
)
PARAMETERS = st.dictionaries(
    st.from_regex(r"[a-z_]{1,8}", fullmatch=True), TEXTS, min_size=1, max_size=3
)

VERBS: st.SearchStrategy[Verb] = st.one_of(
    orders(),
    st.builds(CancelVerb, NAMES.filter(lambda name: name.lower() != "all")),
    st.builds(ModifyVerb, NAMES, MODIFIES),
    st.builds(CancelAllVerb, st.builds(CancelAllRequest, symbol=MAYBE, strategy=MAYBE)),
    st.builds(FlattenVerb, st.builds(FlattenRequest, symbol=MAYBE, strategy=MAYBE)),
    st.builds(KillVerb, st.booleans()),
    st.builds(StrategyVerb, NAMES, st.sampled_from(["start", "stop", "reload"])),
    st.builds(SetVerb, NAMES, PARAMETERS),
    st.builds(AcknowledgeVerb, st.integers(0, 999_999_999)),
    st.builds(GotoVerb, NAMES),
    st.builds(ScreenVerb, st.sampled_from(SCREENS)),
    st.builds(ThemeVerb, MAYBE),
    st.builds(FilterVerb, TEXTS),
    st.builds(WhyVerb, NAMES),
    st.builds(ExportVerb, st.sampled_from(EXPORTS), MAYBE),
    st.builds(HelpVerb, MAYBE),
    st.sampled_from(
        [PauseVerb(), ResumeVerb(), ArmVerb(), StopVerb(), ReconcileVerb(), QuitVerb()]
    ),
)


@given(VERBS)
def test_a_verb_written_out_is_read_as_the_same_verb(verb: Verb) -> None:
    assert parse(render(verb)) == verb


def read(typed: str | list[str]) -> Verb | None:
    """The verb; None where a usage error said what to type instead."""
    error = None
    try:
        return parse(typed)
    except UsageError as raised:
        error = raised
    assert error.message.isprintable()
    assert error.remedy
    return None


@given(st.text() | st.lists(st.text(max_size=12), max_size=6).map(" ".join))
@example("'")
@example("\x00")
@example("order")
@example("order buy BTC/USDT --limit")
def test_whatever_is_typed_it_is_a_verb_or_a_usage_error(text: str) -> None:
    verb = read(text)
    assert verb is None or parse(render(verb)) == verb


ODD_WORDS = [*"@-%=", "--all", "--limit", "1", "0", "1e999", "x", "--"]


@given(st.sampled_from(sorted(FORMS)), st.lists(st.sampled_from(ODD_WORDS) | st.text(max_size=5)))
def test_any_words_after_a_verb_are_a_verb_or_a_usage_error(key: str, rest: list[str]) -> None:
    verb = read([*key.split(), *rest])
    assert verb is None or parse(render(verb)) == verb


@given(st.text(max_size=40), st.lists(NAMES, max_size=4).map(tuple))
def test_completion_never_fails_and_offers_what_begins_like_the_last_word(
    text: str, names: tuple[str, ...]
) -> None:
    last = "" if not text or text[-1].isspace() else text.rsplit(maxsplit=1)[-1]
    for word in complete(text, Names(symbols=names, orders=names, strategies=names)):
        assert word.lower().startswith(last.lower())


def order(text: str) -> OrderRequest:
    verb = parse(text)
    assert isinstance(verb, OrderVerb)
    return verb.request


@pytest.mark.parametrize(
    "text",
    [
        "order buy BTC/USDT 0.1 --limit 67250 --post-only",
        "buy BTC/USDT 0.10 @67250.0 --post-only",
        "BUY BTC/USDT .1 --post-only --limit=6.725e4",
    ],
)
def test_an_order_can_be_typed_long_and_short(text: str) -> None:
    assert order(text) == OrderRequest(
        symbol="BTC/USDT", side="BUY", quantity="0.1", limit="67250", post_only=True
    )


def test_the_words_of_a_shell_are_taken_as_they_were_split() -> None:
    verb = parse(["order", "sell", "BTC/USDT", "1", "--tag", "two words"])
    assert isinstance(verb, OrderVerb)
    assert (verb.request.side, verb.request.tag) == ("SELL", "two words")


def test_a_trail_is_a_distance_or_a_percentage() -> None:
    assert order("sell BTC/USDT 1 --trail 250").trail == "250"
    assert order("sell BTC/USDT 1 --trail 1.50%").trail == "1.5%"


@pytest.mark.parametrize(
    ("text", "verb"),
    [
        ("cancel o-000007", CancelVerb("o-000007")),
        ("order cancel o-000007", CancelVerb("o-000007")),
        ("cancel all", CancelAllVerb(CancelAllRequest())),
        ("order cancel --all --symbol ETH", CancelAllVerb(CancelAllRequest(symbol="ETH"))),
        ("modify o-1 0.2 @67300", ModifyVerb("o-1", ModifyRequest(quantity="0.2", limit="67300"))),
        ("flatten", FlattenVerb(FlattenRequest())),
        ("kill --flatten", KillVerb(flatten=True)),
        ("stop", StopVerb()),
        ("stop sma_cross", StrategyVerb("sma_cross", "stop")),
        ("set sma_cross fast=5 slow=20", SetVerb("sma_cross", {"fast": "5", "slow": "20"})),
        ("risk arm", ArmVerb()),
        ("risk", ScreenVerb("risk")),
        ("risk show", ScreenVerb("risk")),
        ("orders", ScreenVerb("blotter")),
        ("logs", ScreenVerb("logs")),
        ("q", QuitVerb()),
        ("/st:rejected sym:btc", FilterVerb("st:rejected sym:btc")),
        ("filter", FilterVerb("")),
        ("ack --all", AcknowledgeVerb(0)),
        ("help order buy", HelpVerb("order buy")),
    ],
)  # fmt: skip
def test_each_verb_as_a_person_types_it(text: str, verb: Verb) -> None:
    assert parse(text) == verb


@pytest.mark.parametrize(
    ("text", "message", "remedy"),
    [
        ("", "nothing was typed", "help"),
        ("bye BTC/USDT 1", "there is no command bye", "did you mean buy?"),
        ("order", "order what?", "buy|sell"),
        ("order bay BTC/USDT 1", "there is no order bay", "did you mean buy?"),
        ("buy", "the symbol is missing", "order buy SYMBOL QTY"),
        ("buy BTC/USDT", "the quantity is missing", "order buy SYMBOL QTY"),
        ("buy BTC/USDT 1,5", "the quantity is no number: 1,5", "order buy"),
        ("buy BTC/USDT 1_5", "the quantity is no number: 1_5", "order buy"),
        ("buy BTC/USDT 0", "the quantity must be more than zero", "order buy"),
        ("buy BTC/USDT -1", "the quantity is no name: -1", "order buy"),
        ("buy BTC/USDT nan", "the quantity is no number: nan", "order buy"),
        ("buy BTC/USDT 1 @x", "--limit is no number: x", "order buy"),
        ("buy BTC/USDT 1 @1 --limit 2", "--limit was said twice", "order buy"),
        ("buy BTC/USDT 1 --limt 2", "there is no option --limt here", "did you mean --limit?"),
        ("buy BTC/USDT 1 --limit", "--limit wants a value", "order buy"),
        ("buy BTC/USDT 1 --post-only", "--post-only wants a --limit", "order buy"),
        ("buy BTC/USDT 1 @5 --post-only --tif IOC", "IOC never does", "order buy"),
        ("buy BTC/USDT 1 --tif GTD", "--tif is one of GTC, IOC, FOK", "GTC"),
        ("sell BTC/USDT 1 --trail 1% --stop 5", "a trailing stop sets its own", "order sell"),
        ("cancel", "which order? Its id, or --all", "order cancel"),
        ("cancel o-1 --symbol X", "--symbol does not go with an order's id", "order cancel"),
        ("modify o-1", "what is to change?", "order modify"),
        ("kill now", "now is too much", "kill [--flatten]"),
        ("set sma", "which parameter?", "set STRATEGY"),
        ("screen rsik", "there is no screen rsik", "did you mean risk?"),
        ("ack 0", "no whole number from 1: 0", "alerts ack"),
        ("buy 'BTC/USDT 1", "a quotation mark is open", "close it"),
        ("/\x1b[2J", "a filter is plain text", "filter TEXT"),
    ],
)
def test_what_is_wrong_is_said_with_what_to_type(text: str, message: str, remedy: str) -> None:
    with pytest.raises(UsageError) as caught:
        parse(text)
    assert message in caught.value.message
    assert remedy in caught.value.remedy


KNOWN = Names(
    symbols=("BTC/USDT", "ETH/USDT"),
    orders=("o-000001",),
    strategies=("sma_cross",),
    themes=("dark", "light"),
)


@pytest.mark.parametrize(
    ("text", "offered"),
    [
        ("ord", ["order", "orders"]),
        ("order ", ["buy", "cancel", "flatten", "modify", "sell"]),
        ("order c", ["cancel"]),
        ("buy ", ["BTC/USDT", "ETH/USDT"]),
        ("buy eth", ["ETH/USDT"]),
        ("order sell BTC/USDT 1 --t", ["--tag", "--take-profit", "--tif", "--trail"]),
        ("buy BTC/USDT 1 --tif ", ["FOK", "GTC", "IOC"]),
        ("buy BTC/USDT 1 --strategy s", ["sma_cross"]),
        ("why ", ["o-000001"]),
        ("strategy re", ["reload"]),
        ("strategy reload ", ["sma_cross"]),
        ("theme l", ["light"]),
        ("buy BTC/USDT ", []),
        ("nonsense x", []),
    ],
)
def test_completion_offers_what_fits_the_place(text: str, offered: list[str]) -> None:
    assert complete(text, KNOWN) == offered


def test_numbers_stay_exact_however_they_were_typed() -> None:
    assert decimal_of(order("buy X 0.000000010000000000000000001").quantity) == decimal_of(
        "0.000000010000000000000000001"
    )
