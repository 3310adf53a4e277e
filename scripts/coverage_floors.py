"""Combine the coverage of the tests and of the proxies they started, and hold it to its floors."""

from __future__ import annotations

import subprocess
import sys

FLOORS = {"src/litellm_tiering/core/*": 100, "src/litellm_tiering/*": 90}


def main() -> int:
    subprocess.run([sys.executable, "-m", "coverage", "combine", "--append", "--quiet"], check=False)
    worst = 0
    for pattern, floor in FLOORS.items():
        command = [
            sys.executable,
            "-m",
            "coverage",
            "report",
            f"--include={pattern}",
            f"--fail-under={floor}",
        ]
        print(f"coverage of {pattern}, at least {floor} %", flush=True)
        worst = max(worst, subprocess.run([*command, "--skip-covered"], check=False).returncode)
    return worst


if __name__ == "__main__":
    sys.exit(main())
