"""Measures a process from the moment it imports our package: what comes before is LiteLLM's own import.

Traced from its start, a proxy takes half as long again to come up. Lies on PYTHONPATH of what tests start.
"""

from __future__ import annotations

import os
import sys

_CONFIG = os.environ.get("TIERING_LATE_COVERAGE")


class _Starter:
    @classmethod
    def find_spec(cls, name: str, path: object = None, target: object = None) -> None:
        if name == "litellm_tiering":
            sys.meta_path.remove(cls)
            import coverage  # noqa: PLC0415 - before it is needed it would cost as much as it saves

            os.environ["COVERAGE_PROCESS_CONFIG"] = _CONFIG or ""
            coverage.process_startup()
            # A worker that this process starts begins late as well.
            os.environ.pop("COVERAGE_PROCESS_CONFIG", None)


if _CONFIG:
    sys.meta_path.insert(0, _Starter)
