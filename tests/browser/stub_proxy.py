"""A stand-in for the proxy's routes that answers what a test wants, with the page as it is shipped."""

from __future__ import annotations

import contextlib
import json
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, urlsplit

from litellm_tiering.gateway.page import PAGE

KEY = "sk-stub"
NOW = 1_800_034_800.0  # 17:40 UTC

Answer = tuple[int, Any]


def tier_of(i: int) -> str:
    return ("simple", "simple", "moderate", "complex")[i % 4]


def _step(stage: str, reason: str, start: str | None, to: str, detail: str = "") -> dict[str, Any]:
    return {"stage": stage, "reason": reason, "from": start, "to": to, "enforced": True, "detail": detail}


def decision(i: int, **more: Any) -> dict[str, Any]:
    """The i-th decision, a newer one the greater ``i`` is."""
    tier, model = tier_of(i), {"simple": "small", "moderate": "medium", "complex": "large"}[tier_of(i)]
    escalated = i % 7 == 3 and tier != "simple"
    attempts = [
        {
            "tier": tier,
            "model": model,
            "verdict": "ok",
            "reasons": [],
            "judged": ["finished", "refusal"],
            "cost_usd": 2e-4 * (1 + i % 5),
            "ms": 400.0 + i % 900,
        }
    ]
    if escalated:
        attempts.insert(
            0,
            {
                "tier": "simple",
                "model": "small",
                "verdict": "refusal",
                "reasons": ["refusal"],
                "judged": ["finished", "refusal"],
                "cost_usd": 2e-5,
                "ms": 210.0,
            },
        )
    team, moved = "blue" if i % 2 else "red", not escalated and tier == "moderate"
    first = "simple" if escalated else "complex" if moved else tier
    steps = [_step("classify", "heuristic", None, first)]
    if moved:
        steps.append(_step("budget", "budget", first, tier, f"team:{team}:0.83"))
    if escalated:
        steps.append(_step("cascade", "escalation", first, tier, "refusal"))
    return {
        "id": f"dec-{i:06}",
        "at": NOW + i,
        "route": "auto",
        "tier": tier,
        "model": model,
        "team": team,
        "reasons": [":".join(filter(None, (s["reason"], s["detail"]))) for s in steps],
        "steps": steps,
        "attempts": attempts,
        "classifiers": [],
        "refused": None,
        "cost_usd": sum(a["cost_usd"] for a in attempts),
        "baseline_usd": 1.3e-3,
        "policy": "9f2c51d0",
        "holdout": False,
        "arm": "",
        "feedback": None,
        **more,
    }


def budget(scope: str, id_: str, spent: float, limit: float | None, **more: Any) -> dict[str, Any]:
    ratio = spent / limit if limit else 0.0
    ends = None if limit is None or ratio < 0.6 else NOW + 7_200 if ratio < 1 else NOW - 600
    forecast = {
        "end_usd": spent * 1.7,
        "ratio": ratio * 1.7,
        "lasts_until": ends,
        "steps_down": 0,
        "pacing": "off",
    }
    return {
        "scope": scope,
        "id": id_,
        "limit_usd": limit,
        "spent_usd": spent,
        "reserved_usd": 0.04 * spent,
        "ratio": ratio,
        "steps_down": 1 if ratio > 0.8 else 0,
        "window": "day",
        "window_end": NOW + 22_800,
        "forecast": forecast if limit else None,
        **more,
    }


def status(**more: Any) -> dict[str, Any]:
    return {
        "mode": "enforce",
        "store": {"kind": "redis", "ok": True, "spooled": 0},
        "budgets": [
            budget("global", "*", 31.44, 50.0),
            budget("team", "blue", 8.7, 10.0),
            budget("team", "red", 2.1, 10.0),
            budget("team", "research", 10.2, 10.0),
            budget("key", "b3c1", 0.004, None),
        ],
        "classifiers": {"day": "day:2027-01-15@UTC", "calls": 120, "spent_usd": 0.0123},
        "estimates": {},
        "background": 1,
        "alarms": [
            "99 % of the requests of route auto went to one tier",
            "gate refusal: rejects more than it did",
        ],
        "exemptions": [],
        "switches": [],
        "policy": "9f2c51d0a1b2",
        **more,
    }


def report(**more: Any) -> dict[str, Any]:
    shape = (2, 2, 1, 1, 1, 2, 4, 9, 16, 21, 24, 22, 19, 23, 25, 22, 17, 12)
    hours = [
        {"hour": h, "cost_usd": n * 0.141, "baseline_usd": n * 0.378 * (1 + (h % 5) / 20)}
        for h, n in enumerate(shape)
    ]
    cost, baseline = sum(h["cost_usd"] for h in hours), sum(h["baseline_usd"] for h in hours)
    return {
        "days": [
            {
                "day": "2027-01-15",
                "requests": 18_412,
                "cost_usd": cost,
                "baseline_usd": baseline,
                "saved_usd": baseline - cost,
                "waste_usd": 1.92,
                "classifier_usd": 0.0123,
            }
        ],
        "hours": hours,
        "tiers": [
            {"tier": "simple", "requests": 10_120, "cost_usd": 2.2, "p50_ms": 420.0, "p95_ms": 1_180.0},
            {"tier": "moderate", "requests": 5_904, "cost_usd": 9.1, "p50_ms": 910.0, "p95_ms": 2_640.0},
            {"tier": "complex", "requests": 2_388, "cost_usd": 20.14, "p50_ms": 1_730.0, "p95_ms": 5_900.0},
        ],
        "gates": [
            {"gate": "refusal", "judged": 9_800, "rejected": 212},
            {"gate": "json_schema", "judged": 3_120, "rejected": 301},
            {"gate": "not_empty", "judged": 10_120, "rejected": 14},
        ],
        "holdout": {"callers": 41, "requests": 940, "saved_share": 0.612, "low": 0.548, "high": 0.671},
        **more,
    }


def exemptions(**more: Any) -> dict[str, Any]:
    one = {
        "exemption": "3f2a9c01b7de",
        "scope": "team",
        "id": "blue",
        "until": "2027-01-15T18:00:00Z",
        "reason": "launch day",
        "by": "ops-1",
        "since": "2027-01-15T08:00:00Z",
    }
    told = {
        "at": "2027-01-15T08:00:00Z",
        "what": "exempted",
        "by": "ops-1",
        "reason": "launch day",
        "scope": "team",
        "id": "blue",
    }
    return {"active": [one], "history": [told], **more}


EXPLAINED = {
    "tier": "moderate",
    "model": "medium",
    "route": "auto",
    "score": 0.41234,
    "reasons": ["heuristic", "budget:team:blue:0.87"],
    "steps": decision(2)["steps"],
    "refusal": None,
    "not_asked": [],
    "signals": {"heuristic.words": 12},
    "features": {"prompt_tokens": 31, "has_code": False},
}


@dataclass
class Stub:
    """What the stand-in says; a test changes it while the page looks on.

    ``answers`` holds by method and path an answer, or a function of query and body that gives one.
    """

    base_url: str = ""
    answers: dict[str, Answer | Callable[[dict[str, str], Any], Answer]] = field(default_factory=dict)
    asked: list[tuple[str, dict[str, str], Any]] = field(default_factory=list)
    total: int = 180
    paths: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.answers = {
            "GET status": (200, status()),
            "GET report": (200, report()),
            "GET decisions": self.page_of_decisions,
            "GET exemptions": (200, exemptions()),
            "POST explain": (200, EXPLAINED),
            "POST feedback": (200, {"decision": "", "feedback": 1.0}),
            "POST exemptions": (201, exemptions()["active"][0]),
            "DELETE exemptions": (200, exemptions()["active"][0]),
            "GET decision": lambda query, _: (200, decision(int(query["id"].removeprefix("dec-")))),
        }

    @property
    def url(self) -> str:
        return f"{self.base_url}/tiering"

    def page_of_decisions(self, query: dict[str, str], _: Any) -> Answer:
        newest = int(query["before"].removeprefix("dec-")) if "before" in query else self.total
        fits = [i for i in range(newest - 1, -1, -1) if query.get("tier") in {None, tier_of(i)}]
        return 200, {"decisions": [decision(i) for i in fits[: int(query["limit"])]]}

    def count(self, name: str) -> int:
        return sum(asked == name for asked, _, _ in list(self.asked))

    def last(self, name: str) -> tuple[dict[str, str], Any]:
        return next((query, body) for asked, query, body in reversed(self.asked) if asked == name)


@contextlib.contextmanager
def serve_stub() -> Iterator[Stub]:
    stub = Stub()

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def log_message(self, *_: Any) -> None:
            """Nothing: a test reads ``stub.asked``."""

        def do_GET(self) -> None:
            self.answer()

        do_POST = do_DELETE = do_GET  # noqa: N815 - the names that http.server calls

        def answer(self) -> None:
            url = urlsplit(self.path.removeprefix("/llm"))  # as a proxy with a SERVER_ROOT_PATH
            stub.paths.append(self.path)
            raw = self.rfile.read(int(self.headers.get("content-length") or 0))
            if url.path == "/tiering":
                self.send(200, PAGE.html.encode(), "text/html; charset=utf-8", PAGE.headers)
                return
            head, *rest = url.path.removeprefix("/tiering/").split("/")
            query = {k: v[0] for k, v in parse_qs(url.query).items()}
            if rest:
                query["id"] = rest[0]
                head = {"decisions": "decision"}.get(head, head)
            name = f"{self.command} {head}"
            stub.asked.append((name, query, json.loads(raw) if raw else None))
            if self.headers.get("authorization") != f"Bearer {KEY}":
                self.send_json(401, {"error": {"message": "Authentication Error", "code": "401"}})
                return
            known = stub.answers.get(name, (404, {"detail": "Not Found"}))
            self.send_json(*(known(query, stub.asked[-1][2]) if callable(known) else known))

        def send_json(self, code: int, body: Any) -> None:
            raw = body if isinstance(body, bytes) else json.dumps(body).encode()
            self.send(code, raw, "application/json", {})

        def send(self, code: int, raw: bytes, kind: str, headers: Any) -> None:
            self.send_response(code)
            for name, value in {**headers, "content-type": kind, "content-length": str(len(raw))}.items():
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(raw)

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    stub.base_url = f"http://127.0.0.1:{server.server_address[1]}"
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
    thread.start()
    try:
        yield stub
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
