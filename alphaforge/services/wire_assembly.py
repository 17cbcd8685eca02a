"""A run over a wire as its plan: what it trades, with which strategies and settings.

The first process of a run begins it from files and settings; every later one builds it from the
run's record alone. Must never talk to a venue, and never write.
"""

import secrets
from collections.abc import Mapping, Sequence
from decimal import Decimal
from typing import Any

import msgspec

from alphaforge.engine.core import Engine
from alphaforge.engine.valuation import plain_currency
from alphaforge.model.instrument import Instrument
from alphaforge.model.settings import AccountSettings, EngineSettings
from alphaforge.services.assembly import (
    Market,
    PlannedStrategy,
    RunOptions,
    first_symbol,
    values_of,
)
from alphaforge.services.config import Configuration
from alphaforge.services.rebuilding import rebuild_engine
from alphaforge.services.run_journal import new_run_id
from alphaforge.store.records import RunRecord, StrategySource

_TAG_BYTES = 7


class WireAssembly:
    """See `WirePlan`: strategies of files, instruments of venues, an account that is theirs."""

    def __init__(
        self,
        mode: str,
        planned: Sequence[PlannedStrategy],
        options: RunOptions,
        configuration: Configuration,
        accounts: Sequence[tuple[str, str]],
    ) -> None:
        """`accounts` are (venue, account), the one first that the run is found by.

        `may_continue` is taken away where the exchange of a killed run is gone with it.
        """
        self.mode = mode
        self.may_continue = True
        self._planned = tuple(planned)
        self._options = options
        self._configuration = configuration
        self._accounts = tuple(accounts)

    def begin(
        self, cash: Mapping[str, Decimal], instruments: Sequence[Instrument], started: int
    ) -> RunRecord:
        """See `WirePlan`."""
        by_symbol = {each.symbol: each for each in instruments}
        parameters = self._parameters(by_symbol)
        first = by_symbol[first_symbol(by_symbol, self._options, parameters)]
        venue, account = self._accounts[0]
        settings = EngineSettings(
            account=AccountSettings(
                name=account,
                cash=dict(cash),
                reporting_currency=plain_currency(first.settle),
            ),
            risk=self._configuration.settings.risk,
            client_tag=secrets.token_hex(_TAG_BYTES),
        )
        described: dict[str, Any] = {
            "engine": settings,
            "native_kinds": {},
            "symbols": [],
            "classes": {each.loaded.name: each.loaded.cls.__name__ for each in self._planned},
        }
        return RunRecord(
            run_id=new_run_id(started),
            mode=self.mode,
            venue=venue,
            account=account,
            strategies=self._sources(),
            parameters=msgspec.to_builtins(parameters, enc_hook=str),
            settings=msgspec.to_builtins(described),
            instruments=tuple(instruments),
            seed=self._configuration.settings.engine.seed,
            started=started,
        )

    def build(self, run: RunRecord) -> Engine:
        """See `WirePlan`."""
        return rebuild_engine(run)

    def continues(self, run: RunRecord) -> bool:
        """See `WirePlan`: the same files, the same parameters, on the same venues."""
        by_symbol = {each.symbol: each for each in run.instruments}
        parameters = msgspec.to_builtins(self._parameters(by_symbol), enc_hook=str)
        venues = {each.venue for each in run.instruments}
        return (
            self.may_continue
            and run.strategies == self._sources()
            and run.parameters == parameters
            and venues == {venue for venue, _ in self._accounts}
        )

    def _parameters(self, instruments: Mapping[str, Instrument]) -> dict[str, dict[str, object]]:
        market = Market(dict(instruments), {})
        return {
            plan.loaded.name: values_of(plan, market, self._options, self._configuration)
            for plan in self._planned
        }

    def _sources(self) -> tuple[StrategySource, ...]:
        return tuple(
            StrategySource(each.name, str(each.path), each.source, each.sha256)
            for each in (plan.loaded for plan in self._planned)
        )
