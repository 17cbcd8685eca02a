"""Breakages of what the engine holds in a venue's place.

Texts only; see `mutants.py`.
"""

from typing import Final

from tests.mutations.mutant import Mutant, broken

HELD: Final[tuple[Mutant, ...]] = (
    broken(
        "held-orders-are-asked-about",
        "the venue is asked about orders that never left, and says that it knows none",
        "services/doubts.py",
        " if each.life.facts and each.instrument.venue == venue)\n",
        " if each.instrument.venue == venue)\n",
    ),
    broken(
        "a-released-order-stays-held",
        "a stop that was sent is held on, and sent again",
        "engine/emulation.py",
        "            if not order.is_held:\n                self._forget(order.order_id)\n",
        "            if not order.is_open:\n                self._forget(order.order_id)\n",
    ),
    broken(
        "a-stop-leaves-beside-its-take-profit",
        "a woken stop does not wait until its take-profit is out of the market",
        "engine/emulation.py",
        "        if why or rival is not None:\n",
        "        if why:\n",
    ),
    broken(
        "woken-stops-do-not-wait",
        "a woken stop leaves although its venue's books are not known",
        "engine/oms.py",
        "        why = self.why_not_now(order)\n        if why or not order.reduce_only",
        '        why = ""\n        if why or not order.reduce_only',
    ),
    broken(
        "snapshot-without-held-orders",
        "a snapshot forgets the orders that are held",
        "engine/execution.py",
        "            self.emulation.load(state.emulation)\n",
        "            self.emulation.load(EmulationState())\n",
    ),
    broken(
        "held-orders-wake-by-the-other-side",
        "a stop that sells wakes when the market rises to its trigger",
        "engine/emulation.py",
        " if order.terms.side is _BUY else price <= order.trigger\n",
        "\n",
    ),
)
