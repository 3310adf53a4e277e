"""A segment that fails too often starts one tier higher, in every worker, and comes back once it recovers."""

from __future__ import annotations

import itertools

from asking import LATEST, asked_until
from houses import CASCADE_ROUTER, EASY, eventually, house

FAILS, WORKS = "easyplease What is it? [[fault:refuse@sim-small]]", "easyplease What is it?"


def test_a_failing_segment_is_bypassed_in_two_workers_and_comes_back(provider, redis_server, tmp_path):
    tiering = {
        "classifiers": EASY,
        # One request in three is a probe, so that the test need not wait for one in twenty.
        "cascade": {"probe_share": 0.33},
        "store": {"url": redis_server.url},
    }
    with house(provider, tmp_path, tiering, workers=2, **CASCADE_ROUTER) as running:
        # Three in five fail.
        prompts = itertools.cycle([FAILS, FAILS, FAILS, WORKS, WORKS])
        asked_until(running, prompts, lambda latest: sum(map(bypassed, latest)) > LATEST / 3)
        # Either worker may be asked, and each hears of the other's answers within some seconds.
        eventually(lambda: "easy" in " ".join(running.proxy.status()["alarms"]), "an alarm of the segment")
        healthy = itertools.repeat(WORKS)
        latest = asked_until(running, healthy, lambda latest: not any(map(bypassed, latest)))
        assert {r.headers["x-tiering-tier"] for r in latest} == {"simple"}


def bypassed(reply) -> bool:
    return "bypass:easy" in reply.headers["x-tiering-reason"] and reply.headers["x-tiering-tier"] != "simple"
