"""The only place that knows LiteLLM: hooks in, routed requests and settled costs out."""
