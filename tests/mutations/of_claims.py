"""Breakages of what is read from a venue's words, and of what is kept of an order.

Texts only; see `mutants.py`.
"""

from typing import Final

from tests.mutations.mutant import Edit, Mutant, broken

_CLAIMS: Final = "engine/claims.py"
_NEWS: Final = "engine/claim_news.py"
_FACTS: Final = "engine/fact_details.py"
_LIFE: Final = "engine/lifecycle.py"
_OMS: Final = "engine/oms.py"
_TABLE: Final = "engine/order_table.py"

_FILL: Final = "        fact = fact_of(claim, life.order, self._orders.now)\n"


def _fills_dropped(condition: str) -> str:
    return f"        if {condition}:\n            return\n{_FILL}"


CLAIMS: Final[tuple[Mutant, ...]] = (
    broken(
        "trades-are-not-deduplicated",
        "a trade that is told twice is booked twice",
        _CLAIMS,
        "        if self.is_booked(claim):\n            return\n",
        "",
        Edit(
            _FACTS,
            "        return _repeated(life, executions[trade_id], event)\n",
            "        executions[trade_id + '-again'] = event\n",
        ),
    ),
    broken(
        "late-fills-of-canceled-orders-are-dropped",
        "a fill that comes after its order was canceled is not booked",
        _CLAIMS,
        _FILL,
        _fills_dropped("life.order.status.name == 'CANCELED'"),
    ),
    broken(
        "late-fills-of-rejected-orders-are-dropped",
        "a fill that comes after its order was rejected is not booked",
        _CLAIMS,
        _FILL,
        _fills_dropped("life.order.status.name == 'REJECTED'"),
    ),
    broken(
        "overfills-are-dropped",
        "a fill beyond what we know was ordered is not booked",
        _CLAIMS,
        _FILL,
        _fills_dropped("life.order.filled + claim.quantity > life.order.quantity"),
    ),
    broken(
        "fills-of-unknown-orders-are-dropped",
        "a trade of an order that nobody knows is not booked",
        _CLAIMS,
        "            order_id = self._adopt(claim, terms_of_fill(claim))\n",
        "            return\n",
    ),
    broken(
        "unknown-open-orders-are-not-adopted",
        "an order at the venue that nobody knows is passed over until it fills",
        _CLAIMS,
        "            order_id = self._adopt_standing(claim)\n",
        "            return\n",
    ),
    broken(
        "adopted-orders-are-nobodys",
        "an order of ours that a power cut made us forget is adopted as somebody else's",
        _CLAIMS,
        "        owner = owner_of(claim.client_order_id, self._tag, self.strategies) or EXTERNAL\n",
        "        owner = EXTERNAL\n",
    ),
    broken(
        "adopted-orders-are-the-first-strategys",
        "an order that nobody knows is given to the first strategy",
        _CLAIMS,
        "        owner = owner_of(claim.client_order_id, self._tag, self.strategies) or EXTERNAL\n",
        "        owner = self.strategies[0]\n",
    ),
    broken(
        "adopted-orders-do-not-grow",
        "an order adopted by its first trade stays as small as that",
        _CLAIMS,
        "            self._grow(working, fact)\n",
        "            pass\n",
    ),
    broken(
        "adopted-orders-are-not-asked-about",
        "an order adopted by a trade is taken for as large as the trade",
        _CLAIMS,
        "            self._orders.apply(StateUnknown(terms.order_id,",
        "            _ = (StateUnknown(terms.order_id,",
    ),
    broken(
        "claims-are-never-held-back",
        "a word without our id is a stranger's, though an order of ours may be meant",
        _CLAIMS,
        "        if claim.client_order_id or (",
        "        if claim.symbol or (",
    ),
    broken(
        "held-back-claims-are-not-traced",
        "nobody asks whose order a claim is that waits for its order",
        "services/inquiry.py",
        "        symbol, venue_order_id = named\n",
        "        return\n        symbol, venue_order_id = named\n",
    ),
    broken(
        "venue-ids-are-not-learned",
        "the venue's id of an order is not remembered when it is told",
        _CLAIMS,
        "            self.state.venue_ids[claim.symbol, claim.venue_order_id] = order_id\n",
        "            pass\n",
    ),
    broken(
        "busts-are-ignored",
        "a trade that the venue takes back stays booked",
        _CLAIMS,
        "            self._busted(claim)\n",
        "            return\n",
    ),
    broken(
        "early-busts-are-forgotten",
        "a trade taken back before we heard of it is booked when we do",
        _CLAIMS,
        "                self.state.busted.append(key)\n",
        "                pass\n",
    ),
    broken(
        "foreign-accounts-are-booked",
        "what a venue tells of another account is taken for ours",
        _CLAIMS,
        "        if claim.account and claim.account != self._account:\n",
        "        if claim.account and not self._account:\n",
    ),
    broken(
        "old-terms-are-taken",
        "a status claim overtaken by a later one brings the old terms back",
        _NEWS,
        "    if claim.ts < last or (claim.ts == last and not claim.asked_at):\n",
        "    if not claim.ts:\n",
    ),
    broken(
        "filled-quantities-are-ignored",
        "what a venue says it filled in all is not compared with what we hold",
        _NEWS,
        "    if filled and filled > life.venue_filled and filled > executed(life):\n",
        "    if filled and filled < life.venue_filled:\n",
    ),
    broken(
        "foreign-modifications-are-ignored",
        "terms that the venue shows and nobody here asked for are not taken",
        _NEWS,
        "        or (claim.asked_at and differs(life.order, claim))\n",
        "",
    ),
)

ORDERS: Final[tuple[Mutant, ...]] = (
    broken(
        "late-acknowledgement-reopens",
        "a claim that an order is open, come late, undoes its end",
        _NEWS,
        "    rejected = status is VenueStatus.REJECTED\n",
        "    rejected = status is VenueStatus.REJECTED\n"
        "    if status is VenueStatus.OPEN and life.facts & (CANCELED | EXPIRED):\n"
        "        life.facts &= ~(CANCELED | EXPIRED)\n"
        "        yield StateUnknown(order_id, 'open after all', ts, now)\n",
        Edit(_NEWS, "    QuantityFilled,\n)\n", "    QuantityFilled,\n    StateUnknown,\n)\n"),
    ),
    broken(
        "doubt-frees-exposure",
        "an order in doubt holds nothing back",
        _LIFE,
        "        rest = closed and not doubt\n",
        "        rest = closed or doubt\n",
    ),
    broken(
        "modifications-hold-only-the-new-terms",
        "until a modification is answered only its own quantity is held back",
        "engine/working.py",
        "return max(order.leaves, EXACT.subtract(self.asked, order.filled))",
        "return max(EXACT.subtract(self.asked, order.filled), ZERO)",
    ),
    broken(
        "modifications-hold-only-the-old-terms",
        "until a modification is answered only the old quantity is held back",
        _TABLE,
        "        working.asked = max(working.asked, asked or working.life.order.quantity)\n",
        "        working.asked = working.life.order.quantity\n",
        Edit(
            _TABLE,
            "        self._reserve(working, working.worst)\n\n    def _settle_terms",
            "        self._reserve(working, working.life.order.leaves)\n\n    def _settle_terms",
        ),
    ),
    broken(
        "first-answer-answers-all-modifications",
        "of several modifications under way one answer is taken for all",
        _FACTS,
        "    left = tuple(each for each in life.modifications if each != version)\n",
        "    left = tuple(each for each in life.modifications if each > version + 99)\n",
    ),
    broken(
        "older-modification-overwrites",
        "the answer to an older modification overwrites that of a newer one",
        _FACTS,
        "        if version > of_quantity:\n",
        "        if version:\n",
        survives="the gateway sends one modification of an order at a time, so that answers hardly "
        "cross; the laws of the fold see it alone",
    ),
    broken(
        "same-intent-is-sent-again",
        "a strategy may order again while an order of its like is in doubt",
        _OMS,
        "        if self.doubtful and is_beside(",
        "        if self.doubtful and not self.orders and is_beside(",
    ),
    broken(
        "ended-orders-are-forgotten",
        "an order that ended is forgotten at once",
        "engine/claim_state.py",
        "KEEP_CLOSED = ",
        "KEEP_CLOSED = 0 * ",
    ),
    broken(
        "busts-do-not-give-fees-back",
        "a busted trade gives its value back and not its fee",
        "engine/working.py",
        "        EXACT.minus(execution.fee),\n",
        "        ZERO,\n",
    ),
    broken(
        "orders-leave-while-reconciling",
        "new orders and modifications leave although the venue's books are not known",
        _CLAIMS,
        "        if not self.state.venue_states:\n",
        "        if symbol:\n",
    ),
)
