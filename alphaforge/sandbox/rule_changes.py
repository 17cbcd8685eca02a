"""A listing with other rules, given as text: what the `filters` fault does.

Must never give a listing on which nothing could be computed: a step of nothing, no leverage.
"""

from collections.abc import Mapping
from decimal import Decimal

import msgspec

from alphaforge.sandbox.terms import Listing

RULES = tuple(name for name in Listing.__struct_fields__ if name not in {"symbol", "kind"})
"""What can be changed."""

_POSITIVE = ("price_step", "quantity_step", "multiplier", "leverage", "first_price")
_ANY = Listing(
    symbol="X/Y",
    base="X",
    quote="Y",
    settle="Y",
    price_step=Decimal(1),
    quantity_step=Decimal(1),
    min_quantity=Decimal(1),
)


def with_rules(listing: Listing, rules: Mapping[str, str]) -> Listing:
    """The listing with these attributes.

    Raises `ValueError` naming the rule that cannot be.
    """
    told: dict[str, object] = {**msgspec.to_builtins(listing), **rules}
    try:
        changed = msgspec.convert(told, Listing, strict=False)
    except msgspec.ValidationError as error:
        raise ValueError(str(error)) from error
    for name in _POSITIVE:
        value: Decimal = getattr(changed, name)
        if not (value.is_finite() and value > 0):
            raise ValueError(f"{name} must be more than 0, it is {value}")
    return changed


def check_rules(rules: Mapping[str, str]) -> None:
    """Raise `ValueError` for rules no listing could have."""
    with_rules(_ANY, rules)
