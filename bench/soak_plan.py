"""What a soak does to the proxy while it is asked: its configuration, and what happens when."""

from __future__ import annotations

import asyncio
import datetime as dt
import functools
import os
import signal
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import httpx
import yaml

from chaos_kit import workers
from litellm_tiering.testing.proxy import TIERS, Proxy, config_for
from soak_load import KEYS

if TYPE_CHECKING:
    from pathlib import Path

    from chaos_kit import Store
    from soak_load import Load

PLAN = (
    (0.10, "budget set"),
    (0.20, "redis restart"),
    (0.30, "reload"),
    (0.36, "redis pause"),
    (0.44, "worker killed"),
    (0.56, "switched off"),
    (0.64, "redis restart"),
    (0.72, "exempted"),
    (0.78, "redis pause"),
    (0.84, "reload"),
)
AWAY_S = 5.0
OFF_S = 6.0
CALM_AFTER_S = 2.0
TURNS_AT = (("UTC", 0), ("Asia/Kathmandu", 15), ("Asia/Kolkata", 30))
"""Hours turn at these minutes of UTC's hour: one of them lies in most runs."""

AUTH = f"""
import os
from litellm.proxy._types import ProxyException, UserAPIKeyAuth

KEYS = {KEYS!r}

async def auth(request, api_key):
    if api_key == os.environ["LITELLM_MASTER_KEY"]:
        return UserAPIKeyAuth(api_key=api_key, user_role="proxy_admin")
    if api_key not in KEYS:
        raise ProxyException("unknown key", type="auth_error", param=None, code=401)
    return UserAPIKeyAuth(api_key=api_key, team_id=KEYS[api_key] or None)
"""


def config_of(provider_url: str, *, alone: bool) -> dict[str, Any]:
    """The proxy's configuration; ``alone`` without the plugin."""
    config = config_for(provider_url, None)
    second = {"model": "openai/sim-small-b", "api_base": f"{provider_url}/v1", "api_key": "none"}
    prices = config["model_list"][0]["model_info"]
    config["model_list"].append({"model_name": "small-b", "litellm_params": second, "model_info": prices})
    config["general_settings"]["custom_auth"] = "soak_auth.auth"
    handler = [] if alone else ["litellm_tiering.plugin.handler"]
    config["litellm_settings"] = {"callbacks": [*handler, "soak_probe.probe"]}
    config["router_settings"]["disable_cooldowns"] = True
    return config


def write_section(path: Path, store_url: str, blue_usd: float | None = None) -> None:
    """The tiering section; ``blue_usd`` limits one team by the hour, and another to a third of it."""
    zone = _zone_that_turns()
    limits = [("blue", blue_usd, "cheapest"), ("red", None if blue_usd is None else blue_usd / 3, "block")]
    teams = [
        {"scope": "team", "match": team, "window": "hour", "timezone": zone}
        | ({} if limit is None else {"limit_usd": round(limit, 9), "at_ceiling": what})
        for team, limit, what in limits
    ]
    easy = {"name": "easy", "when": {"any_keyword": ["easyplease"]}, "tier": "simple"}
    gates = [{"kind": kind} for kind in ("not_empty", "finished", "refusal", "json_schema")]
    section = {
        "tiers": TIERS,
        "routes": [{"name": "auto", "models": ["auto"]}],
        "classifiers": [
            {"kind": "rules", "rules": [easy]},
            {"kind": "llm", "model": "small", "timeout_ms": 4000},
            {"kind": "heuristic"},
        ],
        "cascade": {
            "bypass_above": 1.0,
            "gates": [*gates, {"kind": "agreement", "with": "small-b", "timeout_ms": 2000}],
        },
        "budgets": [
            {"scope": "global", "limit_usd": 1000, "window": "day"},
            {"scope": "end_user", "window": "day"},
            *teams,
        ],
        "store": {"url": store_url, "spool": str(path.with_name("spool.db")), "decisions": 1000},
    }
    path.write_text(yaml.safe_dump(section, sort_keys=False), encoding="utf-8")


@functools.cache
def _zone_that_turns() -> str:
    """The timezone whose hour turned next when the run began, but not at once."""
    minute = dt.datetime.now(dt.timezone.utc).minute
    return min(TURNS_AT, key=lambda zone: (zone[1] - minute - 2) % 60)[0]


@dataclass
class Chaos:
    """Carries the plan out.

    Attributes:
        section: The file of the tiering section.
        alone: Whether the plugin is left out: then a worker is killed, and nothing else is done.
        events: What was done, and when, in seconds since the load began.
        killed: When workers were killed.
        troubles: What could not be done.
    """

    proxy: Proxy
    store: Store
    load: Load
    section: Path
    alone: bool = False
    events: list[tuple[float, str]] = field(default_factory=list)
    killed: list[float] = field(default_factory=list)
    troubles: list[str] = field(default_factory=list)

    async def run(self, seconds: float) -> None:
        """Do everything once, in so many seconds."""
        for share, what in PLAN:
            if self.alone and what != "worker killed":
                continue
            await asyncio.sleep(max(0.0, share * seconds - self.load.now_s()))
            self.events.append((self.load.now_s(), what))
            self.load.phase = what
            try:
                await self._do(what)
            except (httpx.HTTPError, RuntimeError, OSError) as error:
                self.troubles.append(f"{what}: {type(error).__name__} {error}"[:300])
            # The first moments after are not calm yet.
            await asyncio.sleep(CALM_AFTER_S)
            self.load.phase = "normal"
            self.events.append((self.load.now_s(), "normal"))

    async def _do(self, what: str) -> None:
        if what == "redis restart":
            await asyncio.to_thread(self.store.end, forget=False)
            await asyncio.sleep(AWAY_S)
            await asyncio.to_thread(self.store.start)
        elif what == "redis pause":
            self.store.pause()
            await asyncio.sleep(AWAY_S)
            self.store.resume()
        elif what == "worker killed":
            self.killed.append(self.load.now_s())
            os.kill(workers(self.proxy.process.pid)[0], signal.SIGKILL)
            await asyncio.sleep(AWAY_S)
        elif what in {"budget set", "reload"}:
            status = await asyncio.to_thread(self.proxy.status)
            blue = [b["spent_usd"] for b in status["budgets"] if (b["scope"], b["id"]) == ("team", "blue")]
            # Half as much again as is spent by now: crossed before long, and free again when the hour turns.
            write_section(self.section, self.store.url, max(1.5 * sum(blue), 1e-4))
            await self._post("/tiering/reload", params={"reason": "soak"})
        elif what == "switched off":
            await self._post("/tiering/switch", json={"route": "auto", "mode": "off", "reason": "soak"})
            await asyncio.sleep(OFF_S)
            await self._post(
                "/tiering/switch", json={"route": "auto", "mode": "configured", "reason": "soak"}
            )
        else:
            body = {"scope": "team", "id": "blue", "until": "30s", "reason": "soak"}
            await self._post("/tiering/exemptions", json=body)

    async def _post(self, path: str, **more: Any) -> None:  # noqa: ANN401 - httpx's own arguments
        answer = await asyncio.to_thread(self.proxy.client.post, path, **more)
        if answer.is_error:
            raise RuntimeError(f"{path} gave {answer.status_code}: {answer.text[:200]}")
