from __future__ import annotations

import pytest

prometheus_client = pytest.importorskip("prometheus_client")

from litellm_tiering.telemetry.metrics import metrics_in  # noqa: E402 - after what it needs


def test_what_classifiers_cost_is_told_as_a_counter_that_never_goes_back():
    registry = prometheus_client.CollectorRegistry()
    metrics = metrics_in(registry)

    def told():
        return registry.get_sample_value("litellm_tiering_classifier_usd_total")

    for spent, dollars in ((0, 0.0), (1_500, 1.5e-6), (1_500, 1.5e-6), (900, 1.5e-6), (2_000_000_000, 2.0)):
        metrics.classifiers(spent)
        assert told() == pytest.approx(dollars)
