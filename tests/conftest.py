"""For every test: no network beyond loopback, and no example that fails for being slow."""

from __future__ import annotations

import gc
import os
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from hypothesis import HealthCheck, settings

if TYPE_CHECKING:
    from collections.abc import Iterator

# LiteLLM fetches its price map when it is imported, unless told to use the one it came with.
os.environ["LITELLM_LOCAL_MODEL_COST_MAP"] = "True"

settings.register_profile("patient", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("patient")


@pytest.fixture(scope="session", autouse=True)
def late_coverage() -> Iterator[None]:
    """Where coverage is measured, what tests start is measured from its import of our package on."""
    with pytest.MonkeyPatch.context() as patch:
        config = os.environ.get("COVERAGE_PROCESS_CONFIG")
        if config:
            patch.delenv("COVERAGE_PROCESS_CONFIG")
            patch.setenv("TIERING_LATE_COVERAGE", config)
            folder = str(Path(__file__).with_name("late_coverage"))
            patch.setenv("PYTHONPATH", folder, prepend=os.pathsep)
        yield


@pytest.fixture(scope="module", autouse=True)
def nothing_left_open() -> Iterator[None]:
    """What a module's tests have left open is found here, not by whatever test the collector runs in."""
    yield
    gc.collect()
