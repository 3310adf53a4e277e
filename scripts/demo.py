"""A tour of the proxy that `make run` started, or of one started for it; see `make demo`."""

from __future__ import annotations

import argparse
import os
import sys
from pathlib import Path

import httpx

from litellm_tiering.testing import demo

KEY = Path(__file__).resolve().parent.parent / ".run" / "key"


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--port", type=int, default=4000)
    base_url = f"http://127.0.0.1:{parser.parse_args().port}"
    try:
        httpx.get(f"{base_url}/health/liveliness", timeout=2)
    except httpx.HTTPError:
        print("no proxy is running here.")
        return demo.main()
    key = os.environ.get("LITELLM_MASTER_KEY") or (KEY.read_text().strip() if KEY.is_file() else "")
    if not key:
        print(f"a proxy that `make run` did not start is at {base_url}: set LITELLM_MASTER_KEY to its key")
        return 2
    demo.tour(base_url, key)
    return 0


if __name__ == "__main__":
    sys.exit(main())
