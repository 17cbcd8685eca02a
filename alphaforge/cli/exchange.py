"""`alphaforge exchange list|info|markets|test`: which venues there are, and what each really does.

Must never trade, and never ask an exchange for more than the verb says.
"""

import sys
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Annotated, cast

import typer

from alphaforge.cli.invocation import configuration_of, invocation_of
from alphaforge.cli.printing import counted, print_json, print_table, talk
from alphaforge.errors import ExitCode

if TYPE_CHECKING:
    from alphaforge.services.credentials import Credentials
    from alphaforge.services.exchange_checks import Check
    from alphaforge.services.exchange_reading import MarketLine
    from alphaforge.services.venue_access import VenueWay
    from alphaforge.venues.ccxt_access import Access

app = typer.Typer(no_args_is_help=True, help="List exchanges, show and test one.")

VenueName = Annotated[str, typer.Argument(metavar="V", help="Name of a venue.")]

_BASIS_POINTS = 10_000
_WORDS = {True: "ok", False: "failed", None: "-"}
_MARKET_COLUMNS = (
    "symbol",
    "kind",
    "status",
    "price_step",
    "quantity_step",
    "min_quantity",
    "min_value",
    "multiplier",
    "maker_bps",
    "taker_bps",
)

_SHOWN_COLUMNS = {
    "symbol": "symbol",
    "status": "status",
    "price_step": "price\nstep",
    "quantity_step": "quantity\nstep",
    "min_quantity": "min\nquantity",
    "min_value": "min\nvalue",
    "maker_bps": "maker\nbps",
    "taker_bps": "taker\nbps",
}
"""What 80 characters have room for; a pipe and --json get every column."""


@app.command(name="list")
def list_exchanges(
    ctx: typer.Context,
    sandbox: Annotated[
        bool, typer.Option("--sandbox", help="Only those with a test network.")
    ] = False,
) -> None:
    """List the built-in exchange and every one that ccxt knows.

    alphaforge exchange list --sandbox
    """
    from alphaforge.services.exchange_facts import listed_exchanges
    from alphaforge.venues.ccxt_loading import ccxt_version

    found = [*listed_exchanges(only_with_test_network=sandbox)]
    if invocation_of(ctx).as_json:
        exchanges = [
            {**each._asdict(), "test_network": each.test_network or None} for each in found
        ]
        print_json({"ccxt": ccxt_version(), "exchanges": exchanges})
        return
    columns = ("id", "title", "known to us", "test network", "streams")
    words = {True: "yes", False: "no"}
    rows = [
        (each.id, each.title, words[each.has_profile], each.test_network, words[each.has_streams])
        for each in found
    ]
    print_table(columns, rows)
    talk(f"{counted(len(found), 'exchange')}; more of one: alphaforge exchange info VENUE")


@app.command()
def info(ctx: typer.Context, venue: VenueName) -> None:
    """Show what a venue really does: orders, ids, look-ups, expiry, test network.

    alphaforge exchange info binance
    """
    from alphaforge.services.exchange_facts import exchange_facts

    facts = exchange_facts(_way(ctx, venue))
    if invocation_of(ctx).as_json:
        print_json(facts)
        return
    print_table(("fact", "value"), [*_lines(facts)])


@app.command()
def markets(
    ctx: typer.Context,
    venue: VenueName,
    match: Annotated[
        str, typer.Option("--match", metavar="TEXT", help="Only symbols that hold it.")
    ] = "",
    testnet: Annotated[bool, typer.Option("--testnet", help="Those of its test network.")] = False,
) -> None:
    """Show a venue's markets: steps, minimums, fees, and whether they trade.

    alphaforge exchange markets binance --match BTC
    """
    import asyncio

    from alphaforge.services.exchange_reading import read_markets
    from alphaforge.venues.ccxt_access import Network

    way = _way(ctx, venue)
    access = way.access(Network.TEST if testnet else Network.LIVE, None)
    found = asyncio.run(read_markets(way, access, match))
    rows = [_market(each) for each in found.lines]
    if invocation_of(ctx).as_json:
        facts = {"venue": way.name, "network": access.network.value, "skipped": found.skipped}
        print_json({**facts, "markets": rows})
        return
    shown = (
        _SHOWN_COLUMNS
        if sys.stdout.isatty()
        else dict(zip(_MARKET_COLUMNS, _MARKET_COLUMNS, strict=True))
    )
    titles = [*shown.values()]
    print_table(titles, [[row[key] for key in shown] for row in rows], right=titles[-6:])
    left_out = f", {found.skipped:,} of kinds that are not traded here" if found.skipped else ""
    if not rows and match:
        talk(f"no market of {way.name} has {match} in its symbol{left_out}")
        return
    talk(f"{counted(len(rows), 'market')}{left_out}; fees are the list's, not your account's")


def _market(line: "MarketLine") -> dict[str, object]:
    rules = line.rules
    facts = (
        rules.symbol,
        rules.kind.value.lower(),
        line.status,
        rules.price_step,
        rules.quantity_step,
        rules.min_quantity,
        rules.min_value,
        rules.multiplier,
        rules.maker_fee * _BASIS_POINTS,
        rules.taker_fee * _BASIS_POINTS,
    )
    return dict(zip(_MARKET_COLUMNS, facts, strict=True))


@app.command(name="test")
def try_exchange(
    ctx: typer.Context,
    venue: VenueName,
    live: Annotated[
        bool, typer.Option("--live", help="The real exchange, not its test network.")
    ] = False,
) -> int:
    """Check what a start would: network, clock, markets, stream, key; trades nothing.

    alphaforge exchange test binance
    """
    import asyncio

    from alphaforge.services.secrets import Secrets
    from alphaforge.venues.ccxt_access import Network

    way = _way(ctx, venue)
    network = Network.LIVE if live else Network.TEST
    way.check_network(network)
    key = Secrets().find(way.name, way.section.account)
    as_json = invocation_of(ctx).as_json
    checks = asyncio.run(_run_checks(way, way.access(network, key), key, as_json=as_json))
    if as_json:
        shown = [_check(check) for check in checks]
        print_json({"venue": way.name, "network": network.value, "checks": shown})
    failed = [check.error for check in checks if check.error is not None]
    return failed[0].exit_code if failed else ExitCode.OK


async def _run_checks(
    way: "VenueWay", access: "Access", key: "Credentials | None", *, as_json: bool
) -> "list[Check]":
    """Every check; each is shown as it is done, since some take seconds."""
    from alphaforge.services.exchange_checks import exchange_checks

    checks: list[Check] = []
    async for check in exchange_checks(way, access, key):
        checks.append(check)
        if as_json:
            continue
        print(f"{_WORDS[check.ok]:8}{check.name:15}{check.detail}", flush=True)
        if check.error is not None and check.error.remedy:
            talk(f"        fix            {check.error.remedy}")
    return checks


def _check(check: "Check") -> dict[str, object]:
    error = check.error
    return {
        "name": check.name,
        "ok": check.ok,
        "detail": check.detail,
        "code": error.code if error is not None else None,
        "fix": error.remedy or None if error is not None else None,
    }


def _way(ctx: typer.Context, venue: str) -> "VenueWay":
    from alphaforge.services.venue_access import venue_way

    return venue_way(configuration_of(ctx).settings, venue)


def _lines(facts: Mapping[str, object], above: str = "") -> Iterator[tuple[str, str]]:
    """Every fact with its dotted name, for a person; what is not stated is left out."""
    for key, value in facts.items():
        name = above + key
        if isinstance(value, Mapping):
            yield from _lines(cast("Mapping[str, object]", value), f"{name}.")
        elif isinstance(value, list):
            items = [str(item) for item in cast("list[object]", value)]
            parts = items if name == "notes" else [", ".join(items)]
            yield from ((name, part) for part in parts if part)
        elif value is not None:
            yield (
                name,
                {True: "yes", False: "no"}.get(value, str(value))
                if isinstance(value, bool)
                else str(value),
            )
