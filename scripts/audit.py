"""Known vulnerabilities of what is installed, and its bill of materials: `audit.py [--out FOLDER]`.

Both tools come with the `audit` command alone, into an environment of their own: neither is needed to run or
to test. Where they or the vulnerability database cannot be had, that is said, and the bill is made from the
installed packages' own metadata. Ends with 1 where a vulnerability is known, with 0 where none is, or
nothing could be looked up.
"""

from __future__ import annotations

import argparse
import importlib.metadata
import json
import subprocess
import sys
import tempfile
import venv
from pathlib import Path

TOOLS = ("pip-audit", "cyclonedx-bom")


def bill() -> dict[str, object]:
    """The installed packages as a CycloneDX 1.5 document: https://cyclonedx.org/docs/1.5/json/."""
    parts = {
        (name := (found.metadata["Name"] or "").lower().replace("_", "-")): {
            "type": "library",
            "name": name,
            "version": found.version,
            "purl": f"pkg:pypi/{name}@{found.version}",
            "licenses": [{"license": {"name": text}}] if (text := _licence(found)) else [],
        }
        for found in importlib.metadata.distributions()
    }
    components = [parts[name] for name in sorted(parts) if name]
    return {"bomFormat": "CycloneDX", "specVersion": "1.5", "version": 1, "components": components}


def _licence(found: importlib.metadata.Distribution) -> str:
    said = found.metadata.get("License-Expression") or found.metadata.get("License") or ""
    return said.strip().split("\n", 1)[0][:100]


def tools(folder: Path) -> Path | None:
    """An environment with the tools; None where they cannot be had."""
    venv.create(folder, with_pip=True)
    python = folder / ("Scripts" if sys.platform == "win32" else "bin") / "python"
    command = [str(python), "-m", "pip", "install", "--quiet", "--disable-pip-version-check", *TOOLS]
    return python if subprocess.run(command, check=False, capture_output=True).returncode == 0 else None


def audited(python: Path) -> int:
    """What pip-audit says of this environment, told; 1 where a vulnerability is known."""
    paths = [p for p in sys.path if p.endswith("site-packages")]
    command = [
        str(python),
        "-m",
        "pip_audit",
        "--skip-editable",
        "--progress-spinner",
        "off",
        "--format",
        "json",
    ]
    done = subprocess.run([*command, "--path", *paths[:1]], check=False, capture_output=True, text=True)
    lines, known = told(done.stdout)
    print("\n".join(lines))
    return int(known)


def told(answer: str) -> tuple[list[str], bool]:
    """pip-audit's JSON in lines for people, and whether a vulnerability is known.

    A package that its database does not have is no sound one: where it has none, nothing was audited.
    """
    try:
        parts = json.loads(answer)["dependencies"]
    except (ValueError, KeyError, TypeError):
        return ["not audited: the vulnerability database cannot be reached from here"], False
    skipped = [part["name"] for part in parts if "skip_reason" in part]
    known = [f"{p['name']} {p.get('version')}: {v['id']}" for p in parts for v in p.get("vulns", ())]
    if len(skipped) == len(parts):
        return [
            f"not audited: the vulnerability database knows none of the {len(parts)} packages here"
        ], False
    count = len(parts) - len(skipped)
    rest = f"; not audited: {', '.join(skipped)}" if skipped else ""
    return [f"{count} packages audited, {len(known)} vulnerabilities known{rest}", *known], bool(known)


def main() -> int:
    """Audit, write the bill, tell."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n", 1)[0])
    parser.add_argument("--out", type=Path, default=Path("bench/out"))
    out = parser.parse_args().out
    out.mkdir(parents=True, exist_ok=True)
    file = out / "sbom.json"
    with tempfile.TemporaryDirectory() as folder:
        python = tools(Path(folder) / "tools")
        if python is None:
            print(f"not audited: {' and '.join(TOOLS)} cannot be installed from here")
            code, made = 0, False
        else:
            code = audited(python)
            command = [str(python), "-m", "cyclonedx_py", "environment", sys.executable, "-o", str(file)]
            made = subprocess.run(command, check=False, capture_output=True).returncode == 0
    if not made:
        file.write_text(json.dumps(bill(), indent=1) + "\n", encoding="utf-8")
    by = "cyclonedx-py" if made else "the packages' own metadata"
    print(f"{file}: {len(json.loads(file.read_text(encoding='utf-8'))['components'])} components, by {by}")
    return code


if __name__ == "__main__":
    sys.exit(main())
