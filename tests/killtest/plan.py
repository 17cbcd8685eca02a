"""What the process under test trades: two seeded strategies on both symbols of the fake venue."""

import secrets
from collections.abc import Mapping, Sequence
from decimal import Decimal
from functools import partial

import msgspec

from alphaforge.engine.core import Engine
from alphaforge.model.instrument import Instrument
from alphaforge.model.settings import AccountSettings, EngineSettings
from alphaforge.services.run_journal import new_run_id
from alphaforge.store.records import RunRecord, StrategySource
from tests.simulation.strategies import Restless, Saving

KINDS = {"restless": Restless, "saving": Saving}
PARAMETERS = {"symbols": "BTC/USDT,ETH/USDT", "every": 0.04, "most": 8}


class KillPlan:
    """See `WirePlan`.

    Attributes:
        engine: The last one built.
    """

    mode = "live"

    def __init__(self, venue: str, account: str, seed: int) -> None:
        self.engine: Engine | None = None
        self._venue = venue
        self._account = account
        self._parameters = {
            name: {**PARAMETERS, "seed": 2 * seed + number} for number, name in enumerate(KINDS)
        }

    def begin(
        self, cash: Mapping[str, Decimal], instruments: Sequence[Instrument], started: int
    ) -> RunRecord:
        """See `WirePlan`."""
        account = AccountSettings(name=self._account, cash=dict(cash), reporting_currency="USDT")
        settings = EngineSettings(account=account, client_tag=secrets.token_hex(7))
        return RunRecord(
            run_id=new_run_id(started),
            mode=self.mode,
            venue=self._venue,
            account=self._account,
            strategies=tuple(StrategySource(name, "", "", "") for name in KINDS),
            parameters=self._parameters,
            settings={"engine": msgspec.to_builtins(settings)},
            instruments=tuple(instruments),
            started=started,
        )

    def build(self, run: RunRecord) -> Engine:
        """See `WirePlan`."""
        settings = msgspec.convert(run.settings["engine"], EngineSettings)
        engine = Engine(settings, {each.symbol: each for each in run.instruments})
        for source in run.strategies:
            engine.register(source.name, partial(_made, source.name, run.parameters[source.name]))
        self.engine = engine
        return engine

    def continues(self, run: RunRecord) -> bool:
        """See `WirePlan`."""
        return run.parameters == self._parameters


def _made(name: str, parameters: Mapping[str, object]) -> Restless:
    strategy = KINDS[name]()
    for parameter, value in parameters.items():
        setattr(strategy, parameter, value)
    return strategy
