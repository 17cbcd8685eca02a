"""The sections of alphaforge.toml as frozen values: every key, its type, default and meaning.

Each `Attributes:` line is the user's documentation of its key. Must never read a file.
"""

from decimal import Decimal
from typing import Annotated, Literal

import msgspec

from alphaforge.model.enums import FillTiming, InstrumentKind
from alphaforge.model.numbers import ZERO
from alphaforge.model.settings import RiskSettings
from alphaforge.services.values import NumberText

Parameters = dict[str, object]
"""Of one strategy: name → text, number or true/false; its own annotations say which fit."""


class Section(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What every section is: frozen, by keyword, nothing unknown."""


class EngineSection(Section, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What `alphaforge run` does when no flag says otherwise.

    Attributes:
        mode: Whose market and whose orders.
        venue: Where symbols trade that `[routing]` does not name: `local`, `synthetic`, a name of
            `[venues]`, or an exchange as ccxt calls it.
        seed: Start of every random sequence; the same seed gives the same synthetic market.
        callback_seconds: How long one call of a strategy may take before the strategy is stopped,
            in seconds; 0 = for ever.
    """

    mode: Literal["paper", "sandbox", "live"] = "sandbox"
    venue: str = "local"
    seed: int = 1
    callback_seconds: Decimal = Decimal(1)


class StoreSection(Section, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Where runs, orders and fills are kept.

    Attributes:
        url: Database URL; a relative SQLite path is beside the file that names it.
        durability: What a commit survives: a killed process, or a power cut too (fsync each time).
    """

    url: str = "sqlite:///data/alphaforge.db"
    durability: Literal["process", "power"] = "process"


class VenueSection(Section, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One venue under a name of your own; the name of an exchange itself needs no section.

    Attributes:
        kind: `ccxt` = an exchange; `local` = the built-in one; `synthetic` = a market by itself.
        exchange: Which one, as ccxt calls it; left out = NAME. Of a local one: the protocol it
            speaks, binance (left out) or bybit.
        account: Your name for the account traded there; `alphaforge keys` knows its key by it.
        market: What `BTC/USDT` alone means there; left out = as the exchange does.
        recv_window_ms: How long after its decision the venue may still take a request, where it
            can be told so, in milliseconds; left out = what suits the venue.
        weight_share: Of the venue's request budget, how much this engine may use.
        allow_withdrawal_keys: Whether a key that can withdraw may trade live.
        address: Of a local one that runs already (`sandbox serve`), HOST:PORT; left out = the run
            starts its own.
        ca_file: Of a local one that runs already: the certificate it was told with.
        seed: Of a local one; left out = `[engine] seed`.
        speed: Of a local one: how many times faster than life its market moves.
        cash: Of a local one: start balances; a bare number is in the currency of the first symbol.
        faults: Of a local one: a script of what goes wrong there, TOML.
    """

    kind: Literal["ccxt", "local", "synthetic"] = "ccxt"
    exchange: str | None = None
    account: str = "main"
    market: Literal["spot", "linear", "inverse"] | None = None
    recv_window_ms: int | None = None
    weight_share: Decimal = Decimal("0.8")
    allow_withdrawal_keys: bool = False
    address: str | None = None
    ca_file: str | None = None
    seed: int | None = None
    speed: Decimal = Decimal(1)
    cash: Annotated[str, NumberText] = "10000"
    faults: str | None = None


class InstrumentSection(Section, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Rules of one symbol where its venue states none; what is left out is seen from the data.

    Attributes:
        venue: Name of the venue it belongs to.
        kind: How its value is counted.
        base: Currency bought and sold.
        quote: Currency prices are written in.
        settle: Currency profit and fees are paid in.
        price_step: Smallest price increment, in quote.
        quantity_step: Smallest quantity increment, base units or contracts.
        min_quantity: Smallest order quantity, base units or contracts.
        min_value: Smallest order value, in quote; 0 = none.
        multiplier: Base units (spot, linear) or quote units (inverse) per contract.
        maker_bps: Fee of resting fills in basis points; negative = rebate.
        taker_bps: Fee of taking fills in basis points; negative = rebate.
    """

    venue: str | None = None
    kind: InstrumentKind | None = None
    base: str | None = None
    quote: str | None = None
    settle: str | None = None
    price_step: Decimal | None = None
    quantity_step: Decimal | None = None
    min_quantity: Decimal | None = None
    min_value: Decimal | None = None
    multiplier: Decimal | None = None
    maker_bps: Decimal | None = None
    taker_bps: Decimal | None = None


class SimulatedSection(Section, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The simulated account, shared by paper and backtest.

    Attributes:
        cash: Start balances; a bare number is in the currency of the first symbol.
        account: Cash cannot sell what is not held; auto = cash for spot, margin for derivatives.
        leverage: Position value allowed per unit of equity, on a margin account.
        maker_bps: Fee of resting fills in basis points, where the instrument states none.
        taker_bps: Fee of taking fills in basis points, where the instrument states none.
        slippage_bps: Taken off every taker fill's price, in basis points.
        latency_ms: From the decision to the venue, in milliseconds.
        fill: On bar data: market orders fill at the next bar's open or at this bar's close.
    """

    cash: Annotated[str, NumberText] = "10000"
    account: Literal["auto", "cash", "margin"] = "auto"
    leverage: Decimal = Decimal(1)
    maker_bps: Decimal = ZERO
    taker_bps: Decimal = Decimal(10)
    slippage_bps: Decimal = ZERO
    latency_ms: Decimal = ZERO
    fill: FillTiming = FillTiming.NEXT_OPEN


class PaperSection(SimulatedSection, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Live or recorded market data, simulated orders.

    Attributes:
        speed: Of a recording: 1 = as it was recorded, 10 = ten times faster, max = no waiting.
    """

    speed: Annotated[str, NumberText] = "1"


class BacktestSection(SimulatedSection, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """History, simulated orders.

    Attributes:
        periods_per_year: UTC days a year has for the Sharpe ratio (252 for equities).
    """

    periods_per_year: int = 365


class AlertsSection(Section, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Reserved: no keys yet."""


class ApiSection(Section, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The control API of a running engine; its Unix socket is always there.

    Attributes:
        tcp: Also listen here, HOST:PORT; port 0 = one that is free; empty = no TCP.
        allow_remote: Whether `tcp` may be an address that other machines reach.
        hosts: Further names by which clients call `tcp`, as their Host header says.
    """

    tcp: str = ""
    allow_remote: bool = False
    hosts: tuple[str, ...] = ()


class TuiSection(Section, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The terminal app: colours, keys, how often it draws.

    Attributes:
        screen: Shown first.
        theme: Of colours; auto = what the terminal allows, NO_COLOR always wins.
        updown: Colours of rising and falling; theme = the theme's own.
        glyphs: What the terminal's font is trusted with; auto = ascii without UTF-8, else safe.
        density: cosy parts the panels by an empty row.
        fps: Frames a second at most; 0 = 10, over ssh 4; 1 while the terminal is not in front.
        bell: From which level on an alert rings and notifies the desktop.
        title: Whether the terminal's title tells mode, day's P&L and positions.
        confirm_over: With real money an order of this value or more is asked about once more, in
            the reporting currency; 0 = every one.
        preset: Keys to begin with; `?` in the app shows them all.
        keys: Name of a key's line, as `?` shows it → keys parted by commas; "" takes them away.
    """

    screen: Literal["dashboard", "chart", "blotter", "strategies", "risk", "logs", "report"] = (
        "dashboard"
    )
    theme: Literal[
        "auto",
        "forge-dark",
        "forge-cb",
        "forge-light",
        "forge-high-contrast",
        "ansi-dark",
        "ansi-light",
        "mono",
    ] = "auto"
    updown: Literal["theme", "green-red", "red-green", "blue-orange"] = "theme"
    glyphs: Literal["auto", "full", "safe", "ascii"] = "auto"
    density: Literal["compact", "cosy"] = "compact"
    fps: int = 0
    bell: Literal["off", "error", "warning"] = "error"
    title: bool = True
    confirm_over: Decimal = Decimal(1000)
    preset: Literal["default", "vim", "emacs", "fkeys"] = "default"
    keys: dict[str, str] = msgspec.field(default_factory=dict[str, str])


class LoggingSection(Section, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Reserved: no keys yet."""


class LiveSection(Section, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The first of the locks before real money.

    Attributes:
        enabled: Without this no order ever leaves for a real market.
    """

    enabled: bool = False


class Settings(Section, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Everything alphaforge.toml says, every key with a value.

    Attributes:
        engine: What `alphaforge run` does by default.
        store: Where runs are kept.
        venues: Venues by name.
        instruments: Rules by symbol.
        routing: Symbol, or a pattern with `*`, → name of the venue that trades it.
        strategies: Parameters by strategy name (file stem).
        paper: The simulated account of paper runs.
        backtest: The simulated account of backtests.
        risk: Pre-trade limits.
        alerts: Reserved.
        api: The control API of a running engine.
        tui: The terminal app.
        logging: Reserved.
        live: Locks before real money.
    """

    engine: EngineSection = msgspec.field(default_factory=EngineSection)
    store: StoreSection = msgspec.field(default_factory=StoreSection)
    venues: dict[str, VenueSection] = msgspec.field(default_factory=dict[str, VenueSection])
    instruments: dict[str, InstrumentSection] = msgspec.field(
        default_factory=dict[str, InstrumentSection]
    )
    routing: dict[str, str] = msgspec.field(default_factory=dict[str, str])
    strategies: dict[str, Parameters] = msgspec.field(default_factory=dict[str, Parameters])
    paper: PaperSection = msgspec.field(default_factory=PaperSection)
    backtest: BacktestSection = msgspec.field(default_factory=BacktestSection)
    risk: RiskSettings = msgspec.field(default_factory=RiskSettings)
    alerts: AlertsSection = msgspec.field(default_factory=AlertsSection)
    api: ApiSection = msgspec.field(default_factory=ApiSection)
    tui: TuiSection = msgspec.field(default_factory=TuiSection)
    logging: LoggingSection = msgspec.field(default_factory=LoggingSection)
    live: LiveSection = msgspec.field(default_factory=LiveSection)
