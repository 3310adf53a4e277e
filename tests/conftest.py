"""For every test: no network beyond loopback, and no example that fails for being slow."""

from __future__ import annotations

import os

from hypothesis import HealthCheck, settings

# LiteLLM fetches its price map when it is imported, unless told to use the one it came with.
os.environ["LITELLM_LOCAL_MODEL_COST_MAP"] = "True"

settings.register_profile("patient", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("patient")
