"""`strategy: expected`: where the cheap tier's answers keep failing, requests go straight up, and say why."""

from __future__ import annotations

from asking import ask
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
        failing = [ask(running, "chat", FAILS) for _ in range(150)]
        late = failing[-40:]
        straight = [r for r in late if "," not in r.headers["x-tiering-attempts"]]
        assert len(straight) > len(late) / 2
        assert all("expected" in r.headers["x-tiering-reason"] for r in straight)
        assert all(r.headers["x-tiering-tier"] != "simple" for r in straight)
        told = straight[-1].headers["x-tiering-decision"]
        shown = running.proxy.client.get(f"/tiering/decisions/{told}").json()
        step = next(s for s in shown["steps"] if s["reason"].startswith("expected"))
        assert step["enforced"]
        assert step["from"] == "simple"
