"""Breakages of the proof of absence and of what an answer, or none, is taken for.

Texts only; see `mutants.py`.
"""

from typing import Final

from tests.mutations.mutant import Edit, Mutant, broken

_INQUIRY: Final = "services/inquiry.py"
_OUTCOMES: Final = "services/outcomes.py"
_DOUBTS: Final = "services/doubts.py"
_BASE: Final = "venues/base.py"
_NEWS: Final = "engine/claim_news.py"

_PROOF: Final = "return bool(at) and asked >= at"
_HORIZON: Final = "return self.request_life_ns + self.clock_bound_ns + self.read_lag_ns"

ABSENCE: Final[tuple[Mutant, ...]] = (
    broken(
        "absence-before-the-horizon",
        'the first "no such order" proves absence, however early it was asked',
        _INQUIRY,
        _PROOF,
        "return bool(at)",
    ),
    broken(
        "absence-after-two-tries",
        'the second "no such order" proves absence, however early it was asked',
        _INQUIRY,
        "        if not self._is_proof(working, asked):\n            return\n",
        "        tries = self.__dict__.setdefault('_tries', {})\n"
        "        tries[life.order.order_id] = tries.get(life.order.order_id, 0) + 1\n"
        "        if not self._is_proof(working, asked) and tries[life.order.order_id] < 2:\n"
        "            return\n",
    ),
    broken(
        "absence-from-open-orders",
        "an order that is not in the list of open orders is taken for one that never was",
        _INQUIRY,
        "        await self._ask_about_each(unlisted, never)\n",
        "        missing: list[_Missing] = []\n"
        "        for each in unlisted:\n"
        "            self._not_there(each, self._door.now, 'not listed', missing)\n"
        "        if missing:\n"
        "            await self._conclude_absence(missing)\n",
    ),
    broken(
        "absence-by-any-error",
        "a look-up that the venue answers with any error, once, proves absence",
        _INQUIRY,
        "return isinstance(error, ReplyError) and error.reply in unknown\n",
        "return isinstance(error, ReplyError) and bool(unknown)\n",
    ),
    broken(
        "absence-by-silence",
        "an order that was asked about three times without an answer is taken for absent",
        _INQUIRY,
        "            claim = await self.read(",
        "            claim = await self._read_or_bury(order, ",
        Edit(
            _INQUIRY,
            "    def _not_there(",
            "    async def _read_or_bury(self, order, ask, tries):\n"
            "        try:\n"
            "            return await self.read(ask, tries)\n"
            "        except (VenueError, TimeoutError) as error:\n"
            "            if not self._is_answer(error):\n"
            "                now = self._door.now\n"
            "                self._door.put(AbsenceProved(order.order_id, 'no answer', now, now))\n"
            "            raise\n\n"
            "    def _not_there(",
        ),
    ),
    broken(
        "horizon-without-read-lag",
        "the horizon of a proof forgets that an answer may be old",
        _BASE,
        _HORIZON,
        "return self.request_life_ns + self.clock_bound_ns",
    ),
    broken(
        "horizon-without-clock-bound",
        "the horizon of a proof forgets that the clocks differ",
        _BASE,
        _HORIZON,
        "return self.request_life_ns + self.read_lag_ns",
    ),
    broken(
        "horizon-without-request-life",
        "the horizon of a proof forgets that a request may be under way",
        _BASE,
        _HORIZON,
        "return self.clock_bound_ns + self.read_lag_ns",
    ),
    broken(
        "horizon-of-the-first-request",
        "the horizon counts from the order itself, not from its last cancel or modification",
        _DOUBTS,
        "return max(life.order.ts, life.requested_at)",
        "return life.order.ts",
    ),
    broken(
        "requests-never-expire",
        "requests are sent with an expiry an hour away",
        "services/gateway.py",
        "return approved.ts + (self._venue",
        "return approved.ts + 3_600 * _NS + 0 * (self._venue",
    ),
    broken(
        "look-up-concludes-at-once",
        "an order found by a look-up answers everything that was asked of it, however early",
        _INQUIRY,
        "asked_at=asked if proves else 0",
        "asked_at=asked",
    ),
    broken(
        "any-claim-concludes",
        "any word of the venue about an order answers everything that was asked of it",
        _NEWS,
        "    if claim.asked_at:\n",
        "    if claim.ts:\n",
    ),
    broken(
        "doubts-are-never-asked-about",
        "nobody asks about orders in doubt, not even the reconciliation",
        "services/reconcile.py",
        "            await self._inquiry.ask_about_doubts(lambda: bool(self._cause))\n",
        "",
        Edit("services/reconcile.py", "        await inquiry.ask_about_unlisted()\n", ""),
    ),
)

_NOT_A_REPLY: Final = (
    "    if not isinstance(error, ReplyError):\n        return (_unknown(command, reason, now),)\n"
)
_REQUEST_REFUSED: Final = (
    "    if code in capabilities.request_refusals or code in capabilities.unknown_order:\n"
)
_CANCELED: Final = (
    "        from alphaforge.model.reports import OrderCanceled\n\n"
    "        return (OrderCanceled(command.order_id, reason, now, now),)\n"
)

OUTCOMES: Final[tuple[Mutant, ...]] = (
    broken(
        "time-out-is-a-reject",
        "a request without a readable answer is taken for refused",
        _OUTCOMES,
        _NOT_A_REPLY,
        _NOT_A_REPLY.replace("(_unknown(command, reason, now),)", "_refused(command, reason, now)"),
    ),
    broken(
        "time-out-was-never-sent",
        "a request without a readable answer is taken for one that never left",
        _OUTCOMES,
        "if isinstance(error, VenueUnavailableError):",
        "if not isinstance(error, ReplyError):",
    ),
    broken(
        "any-no-is-a-reject",
        "any code the venue answers a new order with is taken for a refusal",
        _OUTCOMES,
        "    if code in capabilities.refusals:\n",
        "    if code:\n",
    ),
    broken(
        "server-error-is-a-reject",
        "a 5xx answer to a new order is taken for a refusal",
        _OUTCOMES,
        "    if code in capabilities.refusals:\n",
        "    if code in capabilities.refusals or code == 'server':\n",
    ),
    broken(
        "duplicate-is-a-reject",
        "a duplicate client id is taken for a refusal of the order it belongs to",
        _OUTCOMES,
        "    if code in capabilities.duplicates:\n",
        "    if code in capabilities.duplicates:\n        return _refused(command, reason, now)\n"
        "    if code in capabilities.duplicates:\n",
    ),
    broken(
        "unknown-to-cancel-is-canceled",
        "a cancel refused with `unknown order` is taken for done",
        _OUTCOMES,
        _REQUEST_REFUSED,
        "    if isinstance(command, CancelOrder) and code in capabilities.unknown_order:\n"
        + _CANCELED
        + _REQUEST_REFUSED,
    ),
    broken(
        "cancel-time-out-is-canceled",
        "a cancel without an answer is taken for done",
        _OUTCOMES,
        _NOT_A_REPLY,
        "    if isinstance(command, CancelOrder) and not isinstance(error, ReplyError):\n"
        + _CANCELED
        + _NOT_A_REPLY,
    ),
    broken(
        "modify-time-out-is-a-reject",
        "a modification without an answer is taken for refused",
        _OUTCOMES,
        _NOT_A_REPLY,
        "    if isinstance(command, ModifyOrder) and not isinstance(error, ReplyError):\n"
        "        return _refused(command, reason, now)\n" + _NOT_A_REPLY,
    ),
    broken(
        "refused-cancel-is-not-asked-about",
        "after a refused cancel or modification nobody asks where the order stands",
        _OUTCOMES,
        "        return (*_refused(command, reason, now), doubt)\n",
        "        return _refused(command, reason, now)\n",
    ),
    broken(
        "unknown-outcome-is-not-told",
        "a new order without an outcome is not put in doubt",
        "services/gateway.py",
        "            self._tell(outcome)\n",
        "            if not isinstance(command, SubmitOrder) or isinstance(error, ReplyError):\n"
        "                self._tell(outcome)\n",
    ),
)
