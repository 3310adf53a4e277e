"""For every test: no network beyond loopback, and no example that fails for being slow."""

from __future__ import annotations

import gc
import os
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from hypothesis import HealthCheck, settings

from given_redis import databases

if TYPE_CHECKING:
    from collections.abc import Iterator

# LiteLLM fetches its price map when it is imported, unless told to use the one it came with.
os.environ["LITELLM_LOCAL_MODEL_COST_MAP"] = "True"

# Examples for a run that somebody waits for, and, with TIERING_DEEP=1, for one that looks for what is rare.
# A test that needs more says so as a multiple of `settings().max_examples`, so that it follows.
settings.register_profile(
    "patient", deadline=None, max_examples=30, suppress_health_check=[HealthCheck.too_slow]
)
settings.register_profile("deep", settings.get_profile("patient"), max_examples=300)
settings.load_profile("deep" if os.environ.get("TIERING_DEEP") else "patient")


GIVEN = os.environ.get("REDIS_URL", "")


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_auto_num_workers() -> int | None:
    """No more workers than a Redis that is given has databases for."""
    return len(databases(GIVEN, os.cpu_count() or 1)) if GIVEN else None


@pytest.hookimpl(optionalhook=True)
def pytest_configure_node(node) -> None:
    """A worker is told its database before any worker has written to one."""
    if GIVEN:
        urls = databases(GIVEN, node.config.option.numprocesses or 1)
        number = int(node.gateway.id.removeprefix("gw"))
        node.workerinput["redis_url"] = urls[number] if number < len(urls) else ""


@pytest.fixture(scope="session")
def given_redis_url(pytestconfig: pytest.Config) -> str | None:
    """The database of REDIS_URL that is this process's own; ``None`` where no Redis is given."""
    if not GIVEN:
        return None
    url = getattr(pytestconfig, "workerinput", {}).get("redis_url", GIVEN)
    if not url:
        pytest.fail("REDIS_URL has not an empty database for each of so many workers: use -n auto, or none")
    return url


@pytest.fixture(scope="session", autouse=True)
def servers_to_spare() -> Iterator[None]:
    """Where a Redis is given and there is no program, what has to kill, pause or cluster one is skipped."""
    if not GIVEN:
        yield
        return
    # Imported above, it would be read before a worker's coverage begins.
    from litellm_tiering.testing import redis as servers  # noqa: PLC0415

    find = servers.find_redis_server

    def find_or_skip() -> str:
        try:
            return find()
        except servers.RedisNotFound as exc:
            pytest.skip(f"needs a server of its own, besides REDIS_URL: {exc}")

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(servers, "find_redis_server", find_or_skip)
        yield


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


@pytest.fixture(scope="session", autouse=True)
def imported_for_good() -> Iterator[None]:
    """What was imported for the tests, LiteLLM before all, the collector does not go through again."""
    gc.collect()
    gc.freeze()
    yield
    gc.unfreeze()


@pytest.fixture(scope="module", autouse=True)
def nothing_left_open(imported_for_good: None) -> Iterator[None]:
    """What a module's tests have left open is found here, not by whatever test the collector runs in."""
    yield
    gc.collect()
