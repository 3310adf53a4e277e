from __future__ import annotations

import math
import os
import subprocess
import sys
import textwrap

import pytest

from litellm_tiering.telemetry.metrics import metrics_in, open_metrics


@pytest.fixture
def registry():
    client = pytest.importorskip("prometheus_client", reason="prometheus-client is not installed")
    return client.CollectorRegistry()


def test_without_the_client_there_are_no_figures(monkeypatch):
    monkeypatch.setitem(sys.modules, "prometheus_client", None)
    assert open_metrics() is None


def test_the_store_is_up_or_down_and_its_errors_are_counted_once(registry):
    figures = metrics_in(registry)
    figures.store(up=False, spooled=7, errors={"reserve": 3})
    figures.store(up=False, spooled=7, errors={"reserve": 5, "settle": 1})
    assert registry.get_sample_value("litellm_tiering_store_errors_total", {"op": "reserve"}) == 5
    assert registry.get_sample_value("litellm_tiering_store_errors_total", {"op": "settle"}) == 1
    assert registry.get_sample_value("litellm_tiering_store_up") == 0
    assert registry.get_sample_value("litellm_tiering_spooled") == 7
    figures.store(up=True, spooled=0, errors={"reserve": 5, "settle": 1})
    assert registry.get_sample_value("litellm_tiering_store_errors_total", {"op": "reserve"}) == 5
    assert registry.get_sample_value("litellm_tiering_store_up") == 1
    assert registry.get_sample_value("litellm_tiering_spooled") == 0


def test_budgets_are_told_by_scope_and_begin_anew(registry):
    figures = metrics_in(registry)
    figures.budgets({"global": 0.5, "team": 0.9}, {"global": math.inf, "team": 60.0})
    assert registry.get_sample_value("litellm_tiering_budget_ratio", {"scope": "team"}) == 0.9
    assert registry.get_sample_value("litellm_tiering_budget_lasts_seconds", {"scope": "team"}) == 60
    figures.budgets({"global": 0.6}, {"global": 5.0})
    assert registry.get_sample_value("litellm_tiering_budget_ratio", {"scope": "team"}) == 0
    lasts = registry.get_sample_value("litellm_tiering_budget_lasts_seconds", {"scope": "team"})
    assert lasts == math.inf
    assert registry.get_sample_value("litellm_tiering_budget_ratio", {"scope": "global"}) == 0.6


def test_a_registry_takes_them_once(registry):
    assert metrics_in(registry) is metrics_in(registry)


WORKER = """
import sys
from litellm_tiering.telemetry.metrics import open_metrics
up, spooled, ratio, lasts = (float(word) for word in sys.argv[1:])
figures = open_metrics()
figures.store(up=bool(up), spooled=int(spooled), errors={"reserve": 2})
figures.budgets({"team": ratio}, {"team": lasts})
sys.stdin.read()
"""

READER = """
from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.multiprocess import MultiProcessCollector
registry = CollectorRegistry()
MultiProcessCollector(registry)
print(generate_latest(registry).decode())
"""


def run(text, folder, *words, **how):
    env = {**os.environ, "PROMETHEUS_MULTIPROC_DIR": str(folder)}
    command = [sys.executable, "-c", textwrap.dedent(text), *words]
    return subprocess.Popen(command, env=env, stdout=subprocess.PIPE, text=True, **how)


def test_of_several_workers_the_worst_counts_and_spools_add_up(registry, tmp_path):
    said = [("1", "3", "0.4", "inf"), ("0", "4", "0.7", "90")]
    workers = [run(WORKER, tmp_path, *words, stdin=subprocess.PIPE) for words in said]
    for worker in workers:
        worker.communicate()
        assert worker.returncode == 0
    reader = run(READER, tmp_path)
    page = reader.communicate()[0]
    assert 'litellm_tiering_store_errors_total{op="reserve"} 4.0' in page
    assert "litellm_tiering_store_up 0.0" in page
    assert "litellm_tiering_spooled 7.0" in page
    assert 'litellm_tiering_budget_ratio{scope="team"} 0.7' in page
    assert 'litellm_tiering_budget_lasts_seconds{scope="team"} 90.0' in page


def test_a_folder_that_cannot_be_used_is_told_of_and_stops_nobody(registry, tmp_path):
    env = {**os.environ, "PROMETHEUS_MULTIPROC_DIR": str(tmp_path / "gone")}
    opened = "from litellm_tiering.telemetry.metrics import open_metrics\nassert open_metrics() is None"
    ended = subprocess.run(
        [sys.executable, "-c", opened], env=env, capture_output=True, text=True, check=False
    )
    assert (ended.returncode, ended.stderr.strip()) == (
        0,
        "no figures for Prometheus: PROMETHEUS_MULTIPROC_DIR cannot be used (No such file or directory)",
    )


def test_gauges_are_those_of_workers_that_are_alive(registry):
    figures = metrics_in(registry)
    modes = {g._multiprocess_mode for g in (figures._up, figures._spooled, figures._ratio, figures._lasts)}
    assert modes == {"livemin", "livesum", "livemax"}


def test_the_clients_own_registry_is_where_litellm_looks(monkeypatch, registry):
    client = pytest.importorskip("prometheus_client")
    monkeypatch.setattr(client, "REGISTRY", registry)
    assert open_metrics() is metrics_in(registry)


def test_however_many_registries_there_were_the_first_one_keeps_its_figures(registry):
    client = pytest.importorskip("prometheus_client")
    first, others = metrics_in(registry), [client.CollectorRegistry() for _ in range(20)]
    assert len({id(metrics_in(other)) for other in others}) == len(others)
    assert metrics_in(registry) is first
