"""Frozen settings that the engine is built from; `services/config.py` reads them from files."""

from decimal import Decimal

import msgspec

from alphaforge.model.enums import AccountType, FillTiming, RiskState
from alphaforge.model.numbers import ZERO


class SizingSettings(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """How `signal(..., size="auto")` sizes its order.

    Attributes:
        fraction: Share of equity put into a signal of confidence 1 (0.05 = 5 %).
        max_value: Upper bound of the order's value in the reporting currency; 0 = none.
    """

    fraction: Decimal = Decimal("0.05")
    max_value: Decimal = ZERO


class RiskSettings(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Pre-trade limits; 0 = off. Values are in the account's reporting currency.

    Attributes:
        max_order_quantity: Largest quantity of one order, base units or contracts.
        max_order_value: Largest value of one order.
        max_position_value: Largest |position| of one symbol if all working orders on the
            order's side filled.
        max_open_orders: Most working orders of the account.
        price_collar_pct: Farthest a limit or trigger may be from the last price, in percent.
        state: ACTIVE, REDUCING or HALTED at the start.
        sizing: For signals.
    """

    max_order_quantity: Decimal = ZERO
    max_order_value: Decimal = ZERO
    max_position_value: Decimal = ZERO
    max_open_orders: int = 0
    price_collar_pct: Decimal = ZERO
    state: RiskState = RiskState.ACTIVE
    sizing: SizingSettings = msgspec.field(default_factory=SizingSettings)


class AccountSettings(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The simulated account.

    Attributes:
        name: `paper` or `backtest`; the `account` column of every row.
        cash: Start balances, currency → amount; None = unlimited (a script's own engine).
        reporting_currency: What equity and P&L are stated in.
        account_type: Cash or margin; None = cash for spot, margin for derivatives.
        leverage: Position value allowed per unit of equity on margin.
    """

    name: str = "paper"
    cash: dict[str, Decimal] | None = None
    reporting_currency: str = ""
    account_type: AccountType | None = None
    leverage: Decimal = Decimal(1)


class SimulationSettings(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """How the simulated venue fills.

    Attributes:
        fill_timing: On bar data, market orders fill at the next bar's open or this bar's close.
        slippage_bps: Taken off every taker fill's price, against the order.
        latency_ns: From the decision to the venue.
    """

    fill_timing: FillTiming = FillTiming.NEXT_OPEN
    slippage_bps: Decimal = ZERO
    latency_ns: int = 0


class EngineSettings(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Everything an engine needs beside its instruments and strategies.

    Attributes:
        client_tag: 14 hexadecimal digits, drawn once per run: its orders over a wire begin with
            them. Empty where orders are simulated.
    """

    account: AccountSettings = msgspec.field(default_factory=AccountSettings)
    risk: RiskSettings = msgspec.field(default_factory=RiskSettings)
    simulation: SimulationSettings = msgspec.field(default_factory=SimulationSettings)
    client_tag: str = ""
