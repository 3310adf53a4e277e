"""A simulated LLM provider: OpenAI's and Anthropic's wire formats, no network, the same answers every time.

::

    python -m litellm_tiering.testing.provider --port 9100

Point a LiteLLM deployment at it (``api_base: http://127.0.0.1:9100/v1`` for ``openai/sim-small``,
``http://127.0.0.1:9100`` for ``anthropic/sim-small``; any key will do). Five models stand for a ladder:
``sim-small`` and ``sim-small-b``, ``sim-medium``, ``sim-large`` and ``sim-large-b``.

- Which questions are hard, and who fails on them: :mod:`litellm_tiering.testing.provider.hardness`.
- Faults, by HTTP or by a marker in the prompt: :mod:`litellm_tiering.testing.provider.faults`.
- OpenAI's files and batches: :mod:`litellm_tiering.testing.provider.batches`.
- What reached it and what it served: :mod:`litellm_tiering.testing.provider.control`.
"""

from __future__ import annotations

from litellm_tiering.testing.provider.app import create_app
from litellm_tiering.testing.provider.delivery import Latency
from litellm_tiering.testing.provider.faults import ScriptedFault
from litellm_tiering.testing.provider.hardness import MODELS, is_hard

__all__ = ["MODELS", "Latency", "ScriptedFault", "create_app", "is_hard"]
