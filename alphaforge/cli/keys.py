"""`alphaforge keys set|list|test|rm`: the keys of exchanges.

A key is typed unseen or piped in, never an argument. Must never print one: four characters of its
public half are all that is ever shown.
"""

import sys
from typing import TYPE_CHECKING, Annotated

import typer

from alphaforge.cli.invocation import configuration_of, invocation_of
from alphaforge.cli.printing import print_json, print_table, talk
from alphaforge.errors import ExitCode, UsageError

if TYPE_CHECKING:
    from alphaforge.services.credentials import Credentials
    from alphaforge.services.exchange_checks import Check
    from alphaforge.services.secrets import Place
    from alphaforge.services.venue_access import VenueWay
    from alphaforge.venues.ccxt_access import Access

app = typer.Typer(no_args_is_help=True, help="Set, list, test and remove keys of exchanges.")

VenueName = Annotated[str, typer.Argument(metavar="V", help="Name of a venue.")]
Account = Annotated[
    str | None, typer.Option("--account", metavar="A", help="Your name for the account.")
]
Live = Annotated[bool, typer.Option("--live", help="The real exchange, not its test network.")]
Yes = Annotated[bool, typer.Option("--yes", "-y", help="Do not ask.")]

_COLUMNS = ("venue", "account", "where", "key", "used")


@app.command(name="set")
def set_key(
    ctx: typer.Context,
    venue: VenueName,
    account: Account = None,
    file: Annotated[bool, typer.Option("--file", help="Into a file only you can read.")] = False,
    keyring: Annotated[bool, typer.Option("--keyring", help="Into the system keyring.")] = False,
) -> None:
    """Keep a key: asked for unseen, or piped in as JSON or as one line each.

    alphaforge keys set binance_test
    """
    from alphaforge.services.key_entry import LONGEST_INPUT, key_fields, read_key_text
    from alphaforge.services.secrets import Secrets

    way = _keyed_way(ctx, venue)
    place = _place(file=file, keyring=keyring)
    owner = _owner(account, way.section.account)
    fields = key_fields(way.profile.ccxt_id)
    if sys.stdin.isatty():
        key = _asked(way, [*fields])
    else:
        key = read_key_text(sys.stdin.read(LONGEST_INPUT + 1), fields, way.title)
    where = Secrets().keep(way.name, owner, key, place)
    if invocation_of(ctx).as_json:
        print_json({"venue": way.name, "account": owner, "where": where, "key": key.ending})
        return
    talk(f"the key {key.ending} of {way.name}, account {owner}, is in the {where}")
    talk(f"to see whether it works: alphaforge keys test {way.name}")


def _way(ctx: typer.Context, venue: str) -> "VenueWay":
    from alphaforge.services.venue_access import venue_way

    return venue_way(configuration_of(ctx).settings, venue)


def _keyed_way(ctx: typer.Context, venue: str) -> "VenueWay":
    """As `_way`; raises `UsageError` for an exchange that makes its own key with every run."""
    way = _way(ctx, venue)
    if way.section.kind == "local" and way.section.address is None:
        raise UsageError(
            f"{venue} needs no key: the run that starts it makes one",
            remedy="type: alphaforge run STRATEGY.py --mode sandbox",
        )
    return way


def _owner(account: str | None, usual: str) -> str:
    from alphaforge.services.credentials import check_account

    return usual if account is None else check_account(account)


def _place(*, file: bool, keyring: bool) -> "Place | None":
    from alphaforge.services.secrets import Place

    if file and keyring:
        raise UsageError("a key is kept in one place", remedy="say --file or --keyring")
    if file:
        return Place.FILE
    return Place.KEYRING if keyring else None


def _asked(way: "VenueWay", fields: "list[tuple[str, str]]") -> "Credentials":
    """Ask on the terminal, for one field after the other; nothing of it is seen."""
    from alphaforge.services.credentials import read_credentials

    texts = {
        name: str(typer.prompt(f"{way.title} {words}", hide_input=True, err=True))
        for name, words in fields
    }
    return read_credentials(texts, "what you typed")


@app.command(name="list")
def list_keys(ctx: typer.Context) -> None:
    """List keys: whose, where, and how their public half ends.

    alphaforge keys list
    """
    from alphaforge.services.secrets import Secrets
    from alphaforge.services.venue_choice import venue_names

    known = venue_names(configuration_of(ctx).settings)
    keys = [
        {
            "venue": each.venue,
            "account": each.account,
            "where": each.place.value,
            "key": each.ending,
            "used": each.is_used,
        }
        for each in Secrets().keys(known)
    ]
    if invocation_of(ctx).as_json:
        print_json({"keys": keys})
        return
    words = {True: "yes", False: "no"}
    print_table(_COLUMNS, [[*list(each.values())[:-1], words[bool(each["used"])]] for each in keys])
    if not keys:
        talk("there are no keys; type: alphaforge keys set VENUE")


@app.command(name="test")
def try_key(
    ctx: typer.Context, venue: VenueName, account: Account = None, live: Live = False
) -> int:
    """Sign a question, the balance, and say what the key may do.

    alphaforge keys test binance_test
    """
    import asyncio

    from alphaforge.services.secrets import credentials_of
    from alphaforge.venues.ccxt_access import Network

    way = _keyed_way(ctx, venue)
    network = Network.LIVE if live else Network.TEST
    way.check_network(network)
    owner = _owner(account, way.section.account)
    key = credentials_of(way.name, owner)
    found, checks = asyncio.run(_try(way, way.access(network, key), key))
    failed = [each for each in checks if each.error is not None]
    if invocation_of(ctx).as_json:
        may = {each.name: {"ok": each.ok, "detail": each.detail} for each in checks}
        print_json({"venue": way.name, "account": owner, "key": key.ending, **found, "checks": may})
    else:
        talk(f"{way.title} takes the key {key.ending} of account {owner} ({network.value})")
        for each in checks:
            talk(f"{each.name}: {each.detail}")
    if failed and failed[0].error is not None:
        raise failed[0].error
    return ExitCode.OK


async def _try(
    way: "VenueWay", access: "Access", key: "Credentials"
) -> "tuple[dict[str, object], list[Check]]":
    """The balance, then what the key may do."""
    from alphaforge.services.exchange_checks import account_checks
    from alphaforge.services.exchange_reading import key_test

    found = await key_test(way, access, key)
    return found, await account_checks(way, access, key)


@app.command(name="rm")
def remove(ctx: typer.Context, venue: VenueName, account: Account = None, yes: Yes = False) -> None:
    """Remove a key from the keyring and the file; asks first on a terminal.

    alphaforge keys rm binance_test
    """
    from alphaforge.services.secrets import Secrets

    settings = configuration_of(ctx).settings
    section = settings.venues.get(venue)
    owner = _owner(account, section.account if section is not None else "main")
    if not yes and sys.stdin.isatty() and sys.stderr.isatty():
        question = f"remove the key of {venue}, account {owner}, for good?"
        if not typer.confirm(question, err=True):
            talk("nothing was removed")
            raise typer.Exit(ExitCode.FAILED)
    places = [place.value for place in Secrets().remove(venue, owner)]
    if invocation_of(ctx).as_json:
        print_json({"venue": venue, "account": owner, "removed_from": places})
    else:
        talk(f"the key of {venue}, account {owner}, is gone from: {', '.join(places)}")
