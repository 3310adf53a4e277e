"""``python -m litellm_tiering.cli``."""

from __future__ import annotations

import sys

from litellm_tiering.cli import main

if __name__ == "__main__":
    sys.exit(main())
