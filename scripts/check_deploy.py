"""Judges deploy/ without a cluster: `check_deploy.py [FOLDER]`; exits with 1 where something is wrong.

What judges better than this does is asked where it is installed: docker compose, kubectl or kustomize,
kubeconform or kubernetes-validate, promtool, systemd-analyze. What is not there is named, and its part is
judged by structure alone.
"""

from __future__ import annotations

import json
import re
import sys
from pathlib import Path
from string import Template
from typing import TYPE_CHECKING, Any

import deploy_tools as tools
import yaml

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

ROOT = Path(__file__).resolve().parents[1]
DEPLOY = ROOT / "deploy"
COMPOSE = (
    ("compose.yaml",),
    ("compose.yaml", "compose.sentinel.yaml"),
    ("compose.yaml", "compose.cluster.yaml"),
)
OVERLAYS = ("base", "overlays/staging", "overlays/production", "overlays/external-redis")
VERSIONED = re.compile(r"^[a-z0-9][a-z0-9._/:-]*:v?\d+\.\d+[\w.-]*(@sha256:[0-9a-f]{64})?$")
METRIC = re.compile(r"litellm_tiering_[a-z_]+")
SENSITIVE = re.compile(r"(?i)(password|passwd|secret|token|api_?key|master_?key|credential)")
NAMES_ONLY = {"secretName", "masterkeySecretName", "masterkeySecretKey", "secrets", "secretKeyRef"}
REFERENCE = re.compile(r"^$|^os\.environ/\w+$|^/run/secrets/\w+$|^\$\{\w+(:[-?][^}]*)?\}$|^\$\(\w+\)$")
LITERAL_KEY = re.compile(r"\bsk-[A-Za-z0-9_-]{8,}|://[^/\s:@]*:(?!\$|PASSWORD@)[^/\s@]+@|-----BEGIN")


def load(path: Path) -> list[Any]:
    """The documents of a YAML file that hold anything."""
    return [d for d in yaml.safe_load_all(path.read_text(encoding="utf-8")) if d is not None]


def walk(value: object, key: str = "") -> Iterator[tuple[str, Any]]:
    """Every value below, with the key it stands under."""
    yield key, value
    if isinstance(value, dict):
        for name, below in value.items():
            yield from walk(below, str(name))
    elif isinstance(value, list):
        for below in value:
            yield from walk(below, key)


def yaml_files(deploy: Path) -> list[Path]:
    return sorted(p for p in deploy.rglob("*") if p.suffix in {".yaml", ".yml"})


# ------------------------------------------------------------------ everything


def images(deploy: Path) -> Iterator[tuple[Path, str]]:
    """Every image that is named anywhere, a Dockerfile's arguments filled in."""
    for path in yaml_files(deploy):
        for key, value in walk(load(path)):
            if key == "image" and isinstance(value, str):
                yield path, value
            elif key == "image" and isinstance(value, dict):
                yield path, f"{value.get('repository')}:{value.get('tag')}"
            elif key == "images" and isinstance(value, dict):
                yield path, f"{value.get('newName', value.get('name'))}:{value.get('newTag')}"
    for path in sorted(deploy.rglob("Dockerfile")):
        text = path.read_text(encoding="utf-8")
        arguments = dict(re.findall(r"^ARG (\w+)=(\S+)", text, re.MULTILINE))
        stages = set(re.findall(r"^FROM \S+ AS (\w+)", text, re.MULTILINE))
        for name in re.findall(r"^FROM (\S+)", text, re.MULTILINE):
            if name not in stages:
                yield path, Template(name).safe_substitute(arguments)


def image_problems(deploy: Path) -> list[str]:
    return [
        f"{path.relative_to(deploy)}: {name}: an image needs a version, and `latest` is none"
        for path, name in images(deploy)
        if not VERSIONED.match(name) or "latest" in name
    ]


def secret_problems(deploy: Path) -> list[str]:
    """Values where only names or references may stand."""
    found = []
    for path in sorted(p for p in deploy.rglob("*") if p.is_file()):
        text, where = path.read_text(encoding="utf-8"), path.relative_to(deploy)
        found += [f"{where}: holds {m[0][:12]}…" for m in LITERAL_KEY.finditer(text)]
        if path.name.endswith(".example"):
            found += [f"{where}: {name} has a value" for name in re.findall(r"^(\w+)=.", text, re.MULTILINE)]
        if path.suffix in {".yaml", ".yml"}:
            found += [f"{where}: {name} has a value" for name in _literals(load(path))]
    return found


def _literals(documents: list[Any]) -> Iterator[str]:
    for _, value in walk(documents):
        if not isinstance(value, dict):
            continue
        pairs = [(str(k), v) for k, v in value.items() if k not in NAMES_ONLY]
        if isinstance(value.get("name"), str) and "value" in value:
            pairs.append((value["name"], value["value"]))
        for name, given in pairs:
            if SENSITIVE.search(name) and isinstance(given, str) and not REFERENCE.match(given):
                yield name


def known_metrics() -> set[str]:
    source = ROOT / "src" / "litellm_tiering" / "telemetry" / "metrics.py"
    found = re.findall(
        r'(Counter|Gauge|Histogram)\(\s*"(litellm_tiering_[a-z_]+)"', source.read_text(encoding="utf-8")
    )
    parts = {"Histogram": ("_bucket", "_sum", "_count")}
    return {name + part for kind, name in found for part in parts.get(kind, ("",))}


def metric_problems(deploy: Path) -> list[str]:
    known = known_metrics()
    files = [*deploy.glob("prometheus/*.yml"), *deploy.glob("grafana/dashboards/*.json")]
    return [
        f"{path.relative_to(deploy)}: there is no metric {name}"
        for path in files
        for name in sorted(set(METRIC.findall(path.read_text(encoding="utf-8"))) - known)
    ]


def dashboard_problems(deploy: Path) -> list[str]:
    """Panels that share an id or a place, have no query, or ask a source that is not provisioned."""
    sources = {
        source["uid"]
        for path in deploy.glob("grafana/provisioning/datasources/*.yaml")
        for document in load(path)
        for source in document["datasources"]
    }
    found = []
    for path in deploy.glob("grafana/dashboards/*.json"):
        panels = json.loads(path.read_text(encoding="utf-8"))["panels"]
        if len({p["id"] for p in panels}) != len(panels):
            found.append(f"{path.name}: two panels have one id")
        for panel in panels:
            asked = {t.get("datasource", {}).get("uid") for t in panel["targets"]}
            if not asked or asked - sources or not all(t.get("expr") for t in panel["targets"]):
                found.append(f"{path.name}: {panel['title']}: no query of a provisioned source")
    return found


# ------------------------------------------------------------------ Compose


def merged(below: dict[str, Any], above: dict[str, Any]) -> dict[str, Any]:
    """As Compose lays one file over another, as far as these files need it."""
    both = {**below, **above}
    for key in below.keys() & above.keys():
        if isinstance(above[key], dict):
            under = below[key] if isinstance(below[key], dict) else dict.fromkeys(below[key] or ())
            both[key] = merged(under, above[key])
    return both


def compose_problems(deploy: Path, files: Sequence[str]) -> list[str]:
    """What Compose would refuse, and what a careful operator would."""
    folder, project = deploy / "compose", {}
    for name in files:
        project = merged(project, load(folder / name)[0])
    found = [
        problem
        for name, service in project["services"].items()
        for problem in (*_service(name, service, project, folder), *_hardening(name, service, project))
    ]
    named = set(re.findall(r"^(\w+)=", (folder / ".env.example").read_text(encoding="utf-8"), re.MULTILINE))
    text = "".join((folder / name).read_text(encoding="utf-8") for name in files)
    asked = set(re.findall(r"(?<!\$)\$\{(\w+)", text))
    asked |= {s["environment"] for s in project["secrets"].values()}
    found += [f"${name} is not in .env.example" for name in sorted(asked - named)]
    return [f"{'+'.join(files)}: {problem}" for problem in found]


def _service(
    name: str, service: Mapping[str, Any], project: Mapping[str, Any], folder: Path
) -> Iterator[str]:
    if not service.get("image"):
        yield f"{name} has no image"
    sources = [volume.split(":")[0] for volume in service.get("volumes", ())]
    for source in sources:
        if not (folder / source).exists() if source.startswith(".") else source not in project["volumes"]:
            yield f"{name}: the volume {source} is not there"
    for kind in ("networks", "secrets"):
        for other in set(service.get(kind, ())) - project[kind].keys():
            yield f"{name}: {kind}: {other} is not declared"
    for other in service.get("depends_on", ()):
        if other not in project["services"]:
            yield f"{name} depends on {other}, which is not there"
    build = service.get("build")
    if build and not (folder / build["context"] / build["dockerfile"]).exists():
        yield f"{name}: its Dockerfile does not exist"


def _hardening(name: str, service: Mapping[str, Any], project: Mapping[str, Any]) -> Iterator[str]:
    if not service.get("deploy", {}).get("resources", {}).get("limits", {}).keys() >= {"cpus", "memory"}:
        yield f"{name} has no limits of CPU and memory"
    for key in ("healthcheck", "restart", "user"):
        if key not in service:
            yield f"{name} has no {key}"
    if service.get("cap_drop") != ["ALL"] or "no-new-privileges:true" not in service.get("security_opt", ()):
        yield f"{name} keeps privileges"
    copied = [s for s in service.get("secrets", ()) if "environment" in project["secrets"].get(s, {})]
    if copied and service.get("read_only"):
        yield f"{name}: Compose cannot copy secrets from the environment into a read-only container"
    for port in service.get("ports", ()):
        if not re.match(r"127\.0\.0\.1:|\$\{\w+:-127\.0\.0\.1\}:", port):
            yield f"{name} publishes {port} to everybody"


# ------------------------------------------------------------------ the rest, and all of it


def kustomization_problems(deploy: Path) -> list[str]:
    """Files that a kustomization names and that are not there."""
    found = []
    for path in sorted(deploy.rglob("kustomization.yaml")):
        document = load(path)[0]
        named = [*document.get("resources", ()), *document.get("components", ())]
        named += [p["path"] for p in document.get("patches", ()) if "path" in p]
        for generator in document.get("configMapGenerator", ()):
            named += [f.split("=")[-1] for f in generator.get("files", ())]
        for name in named:
            target = path.parent / name
            if not (target.is_file() or (target / "kustomization.yaml").is_file()):
                found.append(f"{path.relative_to(deploy)}: {name} does not exist")
    return found


def dockerfile_problems(deploy: Path) -> list[str]:
    found = []
    for path in sorted(deploy.rglob("Dockerfile")):
        text = path.read_text(encoding="utf-8")
        users = re.findall(r"^USER (\S+)", text, re.MULTILINE)
        if not users or not re.match(r"[1-9]\d*(:[1-9]\d*)?$", users[-1]):
            found.append(f"{path.name}: ends as {users[-1:] or 'root'}, not as a number other than 0")
        if "HEALTHCHECK" not in text:
            found.append(f"{path.name}: has no HEALTHCHECK")
        sources = re.findall(r"^COPY (?!--from)(.+) \S+$", text, re.MULTILINE)
        found += [
            f"{path.name}: {name} does not exist"
            for line in sources
            for name in line.split()
            if not (ROOT / name).exists()
        ]
    return found


def checks(deploy: Path) -> Iterator[tuple[str, Callable[[], list[str]]]]:
    """Every check by name; each gives problems, or raises :class:`deploy_tools.Absent`."""
    yield "YAML parses", lambda: [str(p) for p in yaml_files(deploy) if not load(p)]
    yield "images have versions", lambda: image_problems(deploy)
    yield "no secrets", lambda: secret_problems(deploy)
    yield "metrics exist", lambda: metric_problems(deploy)
    yield "dashboards", lambda: dashboard_problems(deploy)
    yield "Dockerfile", lambda: dockerfile_problems(deploy)
    yield "kustomizations", lambda: kustomization_problems(deploy)
    for files in COMPOSE:
        yield f"{files[-1]} by structure", lambda files=files: compose_problems(deploy, files)
        yield (
            f"{files[-1]} by docker compose or schema",
            lambda files=files: tools.docker_compose(deploy, files),
        )
    for overlay in OVERLAYS:
        yield f"kubernetes/{overlay}", lambda overlay=overlay: tools.kubernetes(deploy, overlay)
    yield "Prometheus, by promtool", lambda: tools.promtool(deploy)
    yield "units, by systemd-analyze", lambda: tools.systemd(deploy)
    yield "shell scripts", lambda: tools.shell(deploy)


def main(arguments: Sequence[str] = ()) -> int:
    deploy = Path(arguments[0]) if arguments else DEPLOY
    wrong = 0
    for name, check in checks(deploy):
        try:
            problems = check()
        except tools.Absent as why:
            print(f"skipped  {name}: {why}")
            continue
        except yaml.YAMLError as error:
            problems = [str(error)]
        print(f"{'wrong' if problems else 'ok':8} {name}")
        for problem in problems:
            print(f"         {problem}")
        wrong += bool(problems)
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
