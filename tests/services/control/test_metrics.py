"""The text that Prometheus reads: its grammar, and figures that are the run's own."""

import re
from pathlib import Path

from tests.services.control.api_rig import Client, served

SAMPLE = re.compile(r"(?P<name>[a-zA-Z_:][a-zA-Z0-9_:]*)(?:{(?P<labels>[^{}]*)})? (?P<value>\S+)")
LABEL = re.compile(r'[a-zA-Z_][a-zA-Z0-9_]*="(?:[^"\\\n]|\\.)*"')


async def samples(client: Client) -> dict[str, float]:
    """Name with labels → value, each line checked against the format's grammar."""
    status, text = await client.get("/metrics")
    assert status == 200
    assert text.endswith("\n")
    found: dict[str, float] = {}
    kinds: dict[str, str] = {}
    for line in text.splitlines():
        if line.startswith("# TYPE "):
            _, _, name, kind = line.split(" ")
            assert name not in kinds, "each family once"
            kinds[name] = kind
        elif not line.startswith("# HELP "):
            sample = SAMPLE.fullmatch(line)
            assert sample is not None, line
            assert sample["name"] in kinds
            assert all(LABEL.fullmatch(each) for each in _labels(sample["labels"] or ""))
            key = line.rpartition(" ")[0]
            assert key not in found, "each sample once"
            found[key] = float(sample["value"])
    for name, kind in kinds.items():
        assert (kind == "counter") == name.endswith("_total")
    return found


def _labels(text: str) -> list[str]:
    return re.findall(r'[^,=]+="(?:[^"\\]|\\.)*"', text)


async def test_it_is_what_prometheus_reads_and_says_what_the_run_is(tmp_path: Path) -> None:
    async with served(tmp_path) as engine:
        engine.run.tick(100.0)
        await engine.client.post("/api/orders", symbol="BTC/USDT", side="buy", quantity="0.1")
        await engine.client.get("/api/nothing")
        found = await samples(engine.client)
    assert found['alphaforge_equity{currency="USDT"}'] == 99999.99
    assert found["alphaforge_orders_submitted_total"] == 1
    assert found["alphaforge_fills_total"] == 1
    assert found['alphaforge_orders_ended{status="filled"}'] == 1
    assert found['alphaforge_errors_total{class="AF-N000"}'] == 1
    assert found['alphaforge_risk_state{state="ACTIVE"}'] == 1
    assert found['alphaforge_risk_state{state="HALTED"}'] == 0
    assert found['alphaforge_venue_state{venue="sim",state="SIMULATED"}'] == 1
    assert found['alphaforge_order_seconds{quantile="0.99"}'] > 0


async def test_clients_and_the_kill_switch_are_counted(tmp_path: Path) -> None:
    async with served(tmp_path) as engine:
        async with engine.client.session.ws_connect("http://localhost/ws/all") as stream:
            await stream.receive()
            with_one = await samples(engine.client)
        await engine.client.post("/api/kill")
        killed = await samples(engine.client)
    assert with_one["alphaforge_control_connections"] == 1
    assert killed["alphaforge_killed"] == 1
    assert killed['alphaforge_strategy_running{strategy="puppet"}'] == 0
