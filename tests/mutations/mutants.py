"""THE list: every way in which the order path is broken on purpose.

Each is something a tired programmer could write, still runs, and is to be caught by the simulator
alone. One that is not stays in the list and says why.
"""

from typing import Final

from msgspec.structs import replace

from tests.mutations.mutant import Mutant
from tests.mutations.of_absence import ABSENCE, OUTCOMES
from tests.mutations.of_claims import CLAIMS, ORDERS
from tests.mutations.of_held import HELD
from tests.mutations.of_journal import EPOCHS, RECONCILING, RECOVERY, WIRE
from tests.mutations.survivors import SEEN_ELSEWHERE

LISTED: Final[tuple[Mutant, ...]] = (
    *ABSENCE,
    *OUTCOMES,
    *CLAIMS,
    *ORDERS,
    *HELD,
    *WIRE,
    *EPOCHS,
    *RECOVERY,
    *RECONCILING,
)

MUTANTS: Final[tuple[Mutant, ...]] = tuple(
    replace(each, survives=SEEN_ELSEWHERE.get(each.name, each.survives)) for each in LISTED
)
