"""What tests of coding agents share: a ladder at one provider, and what is asked."""

from __future__ import annotations

from asking import HARD

RANKS = {"simple": 0, "moderate": 1, "complex": 2}
EASY = "List the files with Glob."
TIDY = "What is the capital of France?"
DEEP = f"{HARD} Look with Glob first."


def groups(provider, kind: str) -> list[dict]:
    """The ladder's groups, all at one provider: agents' bodies mean the same in every tier."""
    base = provider.base_url if kind == "anthropic" else provider.openai_url
    prices = {"small": (1e-7, 4e-7), "medium": (1e-6, 4e-6), "large": (5e-6, 2e-5)}
    return [
        {
            "model_name": name,
            "litellm_params": {"model": f"{kind}/sim-{name}", "api_base": base, "api_key": "none"},
            "model_info": {
                "input_cost_per_token": price[0],
                "output_cost_per_token": price[1],
                "supports_reasoning": True,
            },
        }
        for name, price in prices.items()
    ]


def agents(folder, **more) -> dict:
    return {
        "store": {"url": f"sqlite:///{folder / 'tiering.db'}"},
        "routes": [
            {"name": "agents", "models": ["claude-*", "gpt-*"], "default_tier": "simple"},
            {"name": "chat", "models": ["auto"]},
        ],
        "cascade": {"bypass_above": 1.0, "gates": [{"kind": "not_empty"}, {"kind": "refusal"}]},
        **more,
    }


ALIASES = {"claude-sonnet-5-5": "large", "gpt-5.5-codex": "large", "auto": "large"}
ROUTER = {"router_settings": {"model_group_alias": ALIASES, "num_retries": 0}}


def reached(provider) -> dict:
    """What the provider got, but for what the proxy is there to change."""
    return {k: v for k, v in provider.last_request().items() if k != "model"}


def rising(tiers) -> bool:
    ranks = [RANKS[tier] for tier in tiers]
    return ranks == sorted(ranks)
