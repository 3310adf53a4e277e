"""The only place that knows LiteLLM: hooks in, routed requests and settled costs out."""

from litellm_tiering.gateway import scorer

__all__ = ["scorer"]
