"""`make run`, and README's curl as it is typed."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

from litellm_tiering.testing.processes import free_port, spawned, wait_http

ROOT = Path(__file__).resolve().parent.parent.parent
HEADERS = ("decision", "tier", "model", "reason", "attempts", "cost-usd", "baseline-usd")


def test_the_readmes_curl_is_routed_by_what_make_run_starts():
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    curl = re.search(r"^```sh\n(curl .*?)^```", readme, re.MULTILINE | re.DOTALL)[1]
    port = free_port()
    command = [sys.executable, "scripts/run.py", "--port", str(port), "--simulated"]
    with spawned(command, cwd=ROOT, name="make run") as run:
        wait_http(f"http://127.0.0.1:{port}/health/liveliness", run, 120)
        done = subprocess.run(
            ["sh", "-c", curl.replace(":4000", f":{port}")],
            cwd=ROOT,
            capture_output=True,
            text=True,
            check=True,
        )
        page = subprocess.run(
            ["curl", "-s", f"http://127.0.0.1:{port}/tiering"], capture_output=True, text=True, check=True
        )
    assert "200 OK" in done.stdout
    assert "Paris" in done.stdout
    assert '"model":"auto"' in done.stdout
    found = {h: re.search(rf"^x-tiering-{h}: (.+)$", done.stdout, re.MULTILINE) for h in HEADERS}
    assert all(found.values()), found
    assert (found["tier"][1].strip(), found["model"][1].strip()) == ("simple", "small")
    assert "<title>litellm-tiering</title>" in page.stdout
