"""`strategy: expected`: where the cheap tier's answers keep failing, requests go straight up, and say why."""

from __future__ import annotations

import itertools

from asking import LATEST, ask, asked_until
from houses import CASCADE_ROUTER, EASY, house

FAILS, WORKS = "easyplease What is it? [[fault:refuse@sim-small]]", "easyplease What is it?"


def test_requests_whose_draft_is_wasted_go_straight_up(provider, tmp_path):
    tiering = {
        "classifiers": EASY,
        "cascade": {"strategy": "expected", "probe_share": 0.05},
        "store": {"url": "memory://"},
    }
    with house(provider, tmp_path, tiering, **CASCADE_ROUTER) as running:
        healthy = [ask(running, "chat", WORKS) for _ in range(30)]
        assert {r.headers["x-tiering-tier"] for r in healthy} == {"simple"}
        late = asked_until(
            running, itertools.repeat(FAILS), lambda latest: sum(map(went_straight_up, latest)) > LATEST / 2
        )
        straight = [r for r in late if went_straight_up(r)]
        assert all("expected" in r.headers["x-tiering-reason"] for r in straight)
        assert all(r.headers["x-tiering-tier"] != "simple" for r in straight)
        told = straight[-1].headers["x-tiering-decision"]
        shown = running.proxy.client.get(f"/tiering/decisions/{told}").json()
        step = next(s for s in shown["steps"] if s["reason"].startswith("expected"))
        assert step["enforced"]
        assert step["from"] == "simple"


def went_straight_up(reply) -> bool:
    return "," not in reply.headers["x-tiering-attempts"]
