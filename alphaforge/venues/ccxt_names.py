"""Whose message it is, and what its symbols and ids are called on either side.

Strategies spell a symbol as they like (`btc-usdt`, `BTC/USDT@a`); ccxt has one unified symbol for
it. Must never invent a symbol.
"""

from collections.abc import Mapping

from alphaforge.venues.ccxt_profile import Profile, from_wire, to_wire


class Names:
    """The words of one account at one venue.

    Attributes:
        venue: As in `[venues.NAME]`.
        account: Which account.
        profile: What the venue does.
    """

    def __init__(
        self, venue: str, account: str, profile: Profile, unified: Mapping[str, str]
    ) -> None:
        """`unified` gives ccxt's symbol for each symbol as it is spelled here."""
        self.venue = venue
        self.account = account
        self.profile = profile
        self._unified = dict(unified)
        self._spelled = {theirs: ours for ours, theirs in reversed(tuple(unified.items()))}

    @property
    def symbols(self) -> tuple[str, ...]:
        """The unified symbols of all that is wanted here."""
        return tuple(self._spelled)

    def unified(self, spelled: str) -> str:
        """The unified symbol; of one that nobody asked for what `spelled` made it of."""
        return self._unified.get(spelled) or spelled.removesuffix(f"@{self.venue}")

    def spelled(self, unified: str) -> str:
        """Our spelling; for a symbol that nobody asked for here ccxt's own and the venue.

        Another venue of the run may trade a symbol of that very name: it is not meant.
        """
        foreign = f"{unified}@{self.venue}" if self._spelled else unified
        return self._spelled.get(unified) or foreign

    def is_wanted(self, unified: str) -> bool:
        """Whether anybody here trades it."""
        return unified in self._spelled

    def is_elsewhere(self, unified: object) -> bool:
        """Whether it is surely a symbol that nobody here trades."""
        return isinstance(unified, str) and bool(unified) and unified not in self._spelled

    def to_wire(self, client_order_id: str) -> str:
        """Our id as the venue takes it."""
        return to_wire(self.profile.wire_id, client_order_id)

    def from_wire(self, text: str) -> str:
        """The venue's repetition of our id, as ours; anybody else's unchanged."""
        return from_wire(self.profile.wire_id, text)
