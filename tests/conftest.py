"""For every test: no network beyond loopback, and the recorded data where it is at hand."""

from __future__ import annotations

import os

# LiteLLM fetches its price map when it is imported, unless told to use the one it came with.
os.environ["LITELLM_LOCAL_MODEL_COST_MAP"] = "True"
