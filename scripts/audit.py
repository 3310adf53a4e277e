"""Known vulnerabilities of what is installed, and its bill of materials: `audit.py [--out FOLDER]`.

Both tools come with the `audit` command alone, into an environment of their own: neither is needed to run or
to test. Where they or the vulnerability database cannot be had, that is said, and the bill is made from the
installed packages' own metadata. Ends with 1 where a vulnerability is known, with 3 where nothing could be
looked up (which is no sign of health), and with 0 only where something was, and nothing is known.
"""

from __future__ import annotations

import argparse
import importlib.metadata
import json
import re
import subprocess
import sys
import tempfile
import uuid
import venv
from pathlib import Path
from typing import Any

OURS = "litellm-tiering"
TOOLS = ("pip-audit", "cyclonedx-bom")
SERVICES = ("pypi", "osv")
"""The databases that are asked, one after the other until one answers."""

PYPROJECT = Path(__file__).parents[1] / "pyproject.toml"

SOUND, KNOWN, NOT_AUDITED = 0, 1, 3
"""What this program ends with."""

_ORIGINS = frozenset({"purl", "externalReferences"})  # the second of what was installed from a file
_SERIAL = re.compile(r"urn:uuid:[0-9a-f]{8}-([0-9a-f]{4}-){3}[0-9a-f]{12}")


def bill() -> dict[str, Any]:
    """The installed packages as a CycloneDX 1.5 document: https://cyclonedx.org/docs/1.5/json/."""
    parts = {
        (name := (found.metadata["Name"] or "").lower().replace("_", "-")): {
            "type": "library",
            "bom-ref": f"{name}@{found.version}",
            "name": name,
            "version": found.version,
            "purl": f"pkg:pypi/{name}@{found.version}",
            **({"licenses": [{"license": {"name": text}}]} if (text := _licence(found)) else {}),
        }
        for found in importlib.metadata.distributions()
    }
    ours = parts.pop(OURS, {"type": "library", "bom-ref": OURS, "name": OURS})
    return {
        "bomFormat": "CycloneDX",
        "specVersion": "1.5",
        "serialNumber": f"urn:uuid:{uuid.uuid4()}",
        "version": 1,
        "metadata": {"component": ours},
        "components": [parts[name] for name in sorted(parts) if name],
    }


def unsound(found: Any) -> list[str]:  # noqa: ANN401 - JSON of a file
    """What is wrong with a bill of materials, in words; empty is well.

    It is what CycloneDX's own schema asks of the parts that are used here, and that no package is left out.
    """
    if not isinstance(found, dict) or found.get("bomFormat") != "CycloneDX":
        return ["it is no CycloneDX document"]
    wrong = []
    if found.get("specVersion") not in {"1.5", "1.6"} or found.get("version") != 1:
        wrong.append("it is of no version that is known here")
    if not _SERIAL.fullmatch(str(found.get("serialNumber", ""))):
        wrong.append("its serial number is no UUID")
    parts = found.get("components")
    parts = parts if isinstance(parts, list) and all(isinstance(part, dict) for part in parts) else []
    refs = [part.get("bom-ref") for part in parts]
    if len(set(refs)) != len(refs):
        wrong.append("two components go by one reference")
    for part in parts:
        if not all(isinstance(part.get(key), str) and part[key] for key in ("type", "name", "version")):
            wrong.append(f"a component lacks its type, name or version: {part.get('name')!r:.60}")
        elif part["name"].lower().replace("_", "-") != OURS and _ORIGINS.isdisjoint(part):
            wrong.append(f"nothing tells where {part['name']} came from")
    names = {str(part.get("name", "")).lower().replace("_", "-").replace(".", "-") for part in parts}
    installed = {
        (each.metadata["Name"] or OURS).lower().replace("_", "-").replace(".", "-")
        for each in importlib.metadata.distributions()
    }
    missing = sorted(installed - names - {OURS})
    return [*wrong, *([f"not in it: {', '.join(missing)}"] if missing else [])]


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
    """What pip-audit says of this environment, told; what this program is to end with."""
    paths = [p for p in sys.path if p.endswith("site-packages")]
    where = ["--path", *paths[:1], "--skip-editable"]
    how = ["--progress-spinner", "off", "--format", "json"]
    lines, code = told("")
    for service in SERVICES:
        command = [str(python), "-m", "pip_audit", "--vulnerability-service", service, *how, *where]
        done = subprocess.run(command, check=False, capture_output=True, text=True)
        lines, code = told(done.stdout)
        if code != NOT_AUDITED:
            break
    print("\n".join(lines))
    return code


def told(answer: str) -> tuple[list[str], int]:
    """pip-audit's JSON in lines for people, and what this program is to end with.

    A package that its database does not have is no sound one: where it has none, nothing was audited.
    """
    try:
        parts = json.loads(answer)["dependencies"]
    except (ValueError, KeyError, TypeError):
        return ["NOT AUDITED: no vulnerability database can be reached from here"], NOT_AUDITED
    skipped = [part["name"] for part in parts if "skip_reason" in part]
    known = [f"{p['name']} {p.get('version')}: {v['id']}" for p in parts for v in p.get("vulns", ())]
    if len(skipped) == len(parts):
        said = f"NOT AUDITED: the vulnerability database knows none of the {len(parts)} packages here"
        return [said], NOT_AUDITED
    count = len(parts) - len(skipped)
    rest = f"; not audited: {', '.join(skipped)}" if skipped else ""
    lines = [f"{count} packages audited, {len(known)} vulnerabilities known{rest}", *known]
    return lines, KNOWN if known else SOUND


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
            print(f"NOT AUDITED: {' and '.join(TOOLS)} cannot be installed from here")
            code, made = NOT_AUDITED, False
        else:
            code = audited(python)
            # It validates what it has made against CycloneDX's own schema, which it brings with it.
            command = [str(python), "-m", "cyclonedx_py", "environment", sys.executable]
            command += ["--pyproject", str(PYPROJECT), "--mc-type", "library", "-o", str(file)]
            made = subprocess.run(command, check=False, capture_output=True).returncode == 0
    if not made:
        file.write_text(json.dumps(bill(), indent=1) + "\n", encoding="utf-8")
    by = "cyclonedx-py" if made else "the packages' own metadata"
    found = json.loads(file.read_text(encoding="utf-8"))
    print(f"{file}: {len(found.get('components', ()))} components, by {by}")
    wrong = unsound(found)
    if wrong:
        print("the bill of materials is not sound:", *wrong, sep="\n  ")
    if code == NOT_AUDITED:
        print("Nothing was looked up, which is no sign of health: audit where there is a way out.")
    return max(code, KNOWN) if wrong else code


if __name__ == "__main__":
    sys.exit(main())
