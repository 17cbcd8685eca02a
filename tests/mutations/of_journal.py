"""Breakages of the way from a decision to the wire, and back from a crash.

Texts only; see `mutants.py`.
"""

from typing import Final

from tests.mutations.mutant import Edit, Mutant, broken

_GATEWAY: Final = "services/gateway.py"
_SESSION: Final = "services/wire_session.py"
_RECONCILE: Final = "services/reconcile.py"
_INQUIRY: Final = "services/inquiry.py"

_COMMIT: Final = "        await self._journal.commit(place)\n"
_BEGIN: Final = "        self._door.put(BeginEpoch(self._lease.epoch, self._door.now))\n"

WIRE: Final[tuple[Mutant, ...]] = (
    broken(
        "journal-after-send",
        "a decision is handed on before it is appended to the journal",
        "services/door.py",
        "        self._journal.input(self._engine.sequence, event, step)\n"
        "        return self._done(step)\n",
        "        done = self._done(step)\n"
        "        self._journal.input(self._engine.sequence, event, step)\n"
        "        return done\n",
    ),
    broken(
        "send-without-commit",
        "a request leaves before its intent is committed",
        _GATEWAY,
        _COMMIT,
        "        await asyncio.sleep(0)\n",
    ),
    broken(
        "cancels-without-commit",
        "cancels and modifications leave before their intent is committed",
        _GATEWAY,
        _COMMIT,
        "        if any(isinstance(each.command, SubmitOrder) for each in approved):\n"
        "            await self._journal.commit(place)\n",
    ),
    broken(
        "failed-commit-is-swallowed",
        "a request leaves although its intent could not be committed",
        _GATEWAY,
        _COMMIT,
        "        try:\n"
        "            await self._journal.commit(place)\n"
        "        except Exception:\n"
        "            pass\n",
    ),
    broken(
        "lost-orders-are-sent-again",
        "a new order without an answer is sent once more with its id",
        _GATEWAY,
        "        if error is None:\n            return\n",
        "        if error is not None and not isinstance(error, ReplyError):\n"
        "            error = await self._try(approved)\n"
        "        if error is None:\n            return\n",
    ),
    broken(
        "lost-orders-are-sent-anew",
        "a new order without an answer is sent once more with a new id",
        _GATEWAY,
        "        if error is None:\n            return\n",
        "        if isinstance(command, SubmitOrder) and error is not None and not isinstance(\n"
        "            error, ReplyError\n"
        "        ):\n"
        "            from msgspec.structs import replace\n\n"
        "            other = f'{command.client_order_id[:-1]}f'\n"
        "            command = replace(command, client_order_id=other)\n"
        "            approved = replace(approved, command=command)\n"
        "            error = await self._try(approved)\n"
        "        if error is None:\n            return\n",
    ),
    broken(
        "lease-is-not-looked-at",
        "a request leaves although the lease may be lost",
        _GATEWAY,
        "        if not self.look_at_lease():\n",
        "        if not self.look_at_lease() and not approved.ts:\n",
    ),
    broken(
        "standing-still-is-forgotten",
        "what was approved before the process stood still is sent after it",
        _GATEWAY,
        "        if approved.ts <= self._still_until and not is_cancel:\n",
        "        if approved.ts <= 0 and not is_cancel:\n",
        survives="what was approved before a stop is mostly too old for the venue too, and the age "
        "check next to this one holds it back; tests/services/test_gateway.py sees it alone",
    ),
    broken(
        "halt-is-not-looked-at",
        "what was approved before trading was halted is sent after it",
        _GATEWAY,
        "        if self._risk_state() is RiskState.HALTED and not is_cancel:\n",
        "        if self._risk_state() is RiskState.HALTED and not approved.ts:\n",
    ),
    broken(
        "clocks-are-not-compared",
        "a machine clock that is hours off is believed",
        "services/engine_time.py",
        "        self._offset -= ahead\n",
        "",
    ),
    broken(
        "wall-clock-is-engine-time",
        "engine time follows the jumps of the wall clock",
        "services/engine_time.py",
        "        return self._clock.steady_ns() + self._offset\n",
        "        return self._clock.wall_ns()\n",
    ),
)

EPOCHS: Final[tuple[Mutant, ...]] = (
    broken(
        "client-ids-without-epoch",
        "client order ids do not carry the epoch",
        "engine/client_ids.py",
        'f"af{tag}{epoch:06x}{strategy:02x}',
        'f"af{tag}{0 * epoch:06x}{strategy:02x}',
    ),
    broken(
        "epoch-is-not-raised",
        "a restarted process goes on with the epoch of the one before it",
        _SESSION,
        _BEGIN,
        "        self._door.put(BeginEpoch(self._opening.epoch or 1, self._door.now))\n",
    ),
    broken(
        "epoch-is-not-begun",
        "a restarted process does not say under which epoch it goes on",
        _SESSION,
        _BEGIN,
        "",
    ),
    broken(
        "epoch-is-not-on-the-disk",
        "a power cut can take the beginning of an epoch under which orders left",
        "store/intake.py",
        "    batch.to_disk |= isinstance(event, BeginEpoch)\n",
        "",
        Edit(_SESSION, "        await self._ports.journal.ask(Writer.flush_to_disk)\n", ""),
    ),
    broken(
        "lease-epoch-is-not-compared",
        "the lease's epoch is believed although the journal knows a greater one",
        _SESSION,
        "        if opening.epoch >= lease.epoch:\n",
        "        if opening.epoch >= lease.epoch + 1_000_000:\n",
    ),
    broken(
        "order-numbers-restart",
        "after a restart orders are numbered from 1 again",
        "engine/recovery.py",
        "OrderNumbers(self._numbers.taken)",
        "OrderNumbers()",
    ),
)

RECOVERY: Final[tuple[Mutant, ...]] = (
    broken(
        "tail-is-skipped",
        "a restart goes on from the snapshot, without what came after it",
        "services/recovering.py",
        "    return list(writer.read_tail(run_id, after))\n",
        "    return [] if after else list(writer.read_tail(run_id, after))\n",
    ),
    broken(
        "quiet-events-are-not-repeated",
        "a restart passes over the events that led to nothing",
        "engine/recovery.py",
        "            elif (made := process(event)) is not EMPTY_STEP:\n",
        "            elif sequence < 0 and (made := process(event)) is not EMPTY_STEP:\n",
    ),
    broken(
        "snapshot-without-ended-orders",
        "a snapshot forgets the orders that ended",
        "engine/execution.py",
        " for each in state.closed}\n",
        " for each in state.closed[:0]}\n",
    ),
    broken(
        "snapshot-without-reservations",
        "a snapshot forgets what is held back for working orders",
        "engine/execution.py",
        "                self._reserve(working, quantity)\n",
        "                self._reserve(working, ZERO)\n",
    ),
    broken(
        "snapshot-without-numbers",
        "a snapshot forgets how many orders were numbered",
        "engine/execution.py",
        "        self.numbers.taken, self.counts = state.numbered, state.counts\n",
        "        self.counts = state.counts\n",
    ),
    broken(
        "recovered-orders-are-sent-again",
        "orders without an answer at a restart are sent once more",
        _SESSION,
        "        self._door.on_step = lambda step: self._look(step, stop, watcher)\n",
        "        self._door.on_step = lambda step: self._look(step, stop, watcher)\n"
        "        from alphaforge.engine.working import terms_as_asked\n\n"
        "        for row in tuple(self._engine.execution.orders.values()):\n"
        "            if row.life.order.status.name == 'SUBMITTED':\n"
        "                again = Approved(terms_as_asked(row.life.order), self._door.now)\n"
        "                self._route((again,), self._journal.place)\n",
    ),
    broken(
        "no-doubt-at-restart",
        "a restarted process takes what it last knew of its orders for true",
        _SESSION,
        "                link.reconciler.restarted()\n",
        "                link.reconciler.need('start')\n",
    ),
    broken(
        "no-reconciliation-at-restart",
        "a restarted process goes on without asking the venue until the minute is over",
        _SESSION,
        "                link.reconciler.restarted()\n",
        "                from alphaforge.model.claims import VenueState, VenueStateChanged\n\n"
        "                ready = (link.venue.name, VenueState.READY, 'start', self._door.now)\n"
        "                self._door.put(VenueStateChanged(*ready))\n"
        "                link.reconciler._last = self._door.now\n"
        "                link.reconciler.certain.set()\n",
    ),
)

RECONCILING: Final[tuple[Mutant, ...]] = (
    broken(
        "no-reconciliation-after-a-gap",
        "a gap in the stream is passed over",
        "services/venue_link.py",
        "            self.reconciler.need(message.reason)\n",
        "            pass\n",
    ),
    broken(
        "no-reconciliation-each-minute",
        "without a cause nothing is ever compared with the venue again",
        _RECONCILE,
        "            elif self._door.now - self._last >= EVERY_SECONDS * _NS:\n",
        "            elif self._door.now < 0:\n",
    ),
    broken(
        "ready-before-anything-is-read",
        "a venue counts as known as soon as it is being asked",
        _RECONCILE,
        "        inquiry.start_counting()\n",
        "        inquiry.start_counting()\n"
        "        self._state(VenueState.READY, cause)\n"
        "        self.certain.set()\n",
    ),
    broken(
        "trades-are-not-asked-for",
        "a reconciliation asks about orders, not about trades",
        _RECONCILE,
        "        cursor = await inquiry.fetch_trades()\n",
        "        cursor = 0\n",
    ),
    broken(
        "cursor-moves-to-now",
        "the cursor of the trades moves to the moment they were asked for",
        _INQUIRY,
        "asked - capabilities.read_lag_ns - capabilities.clock_bound_ns)\n",
        "asked)\n",
    ),
    broken(
        "cursor-without-bounds",
        "the cursor forgets that the clocks differ, and nothing is asked for twice",
        _INQUIRY,
        "asked - capabilities.read_lag_ns - capabilities.clock_bound_ns)\n",
        "asked - capabilities.read_lag_ns)\n",
        Edit(_INQUIRY, "OVERLAP_NS = 1_000_000_000\n", "OVERLAP_NS = 0\n"),
    ),
    broken(
        "cursor-follows-the-stream",
        "the cursor moves to each trade that is pushed, over those that were lost before it",
        "engine/claims.py",
        "        self.state.traded[key] = life.order.order_id\n",
        "        self.state.traded[key] = life.order.order_id\n"
        "        venue = self._orders.venue_of(claim.symbol)\n"
        "        self.state.cursors[venue] = max(self.state.cursors.get(venue, 0), claim.ts)\n",
    ),
    broken(
        "buffer-is-dropped",
        "what is streamed while the venue is being asked is thrown away",
        _RECONCILE,
        "            self._buffer.append(claim)\n",
        "            pass\n",
    ),
    broken(
        "missing-fills-are-not-fetched",
        "where the venue filled more than we hold, its trades are not asked for before the minute",
        _INQUIRY,
        "        if any(each.wants_trades for each in found):\n",
        "        if not found:\n",
        survives="the order stays in doubt until the reconciliation of the minute fetches the "
        "trades: it costs a minute at most",
    ),
)
