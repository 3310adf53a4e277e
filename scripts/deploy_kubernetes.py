"""Judges Kubernetes objects by how they hang together: no schema, but what a schema does not see."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Mapping, Sequence

WORKLOADS = {"Deployment", "StatefulSet", "DaemonSet", "Job"}
PROBES = ("startupProbe", "readinessProbe", "livenessProbe")

Object = dict[str, Any]


def problems(
    objects: Sequence[Object], secret_keys: Collection[str], *, secret: str = "litellm"
) -> list[str]:
    """What is wrong with a set of objects that are applied together.

    Args:
        objects: All of them, rendered.
        secret_keys: What the one Secret that people make by hand must hold, by its example.
        secret: That Secret's name.
    """
    found = [
        f"{one.get('kind')} {one.get('metadata')}: no apiVersion, kind or name"
        for one in objects
        if not (one.get("apiVersion") and one.get("kind") and one.get("metadata", {}).get("name"))
    ]
    if found:
        return found
    names = {(one["kind"], one["metadata"]["name"]) for one in objects}
    workloads = [one for one in objects if one["kind"] in WORKLOADS]
    for one in workloads:
        here = f"{one['kind']} {one['metadata']['name']}"
        found += [f"{here}: {problem}" for problem in _workload(one, names, {secret: set(secret_keys)})]
    for one in objects:
        here = f"{one['kind']} {one['metadata']['name']}"
        found += [f"{here}: {problem}" for problem in _pointing(one, workloads, names)]
    return found


def _labels(workload: Object) -> dict[str, str]:
    return dict(workload["spec"]["template"]["metadata"]["labels"])


def _selects(selector: Mapping[str, str], workload: Object) -> bool:
    return bool(selector) and selector.items() <= _labels(workload).items()


def _workload(
    one: Object, names: Collection[tuple[str, str]], secrets: Mapping[str, set[str]]
) -> Iterator[str]:
    spec, pod = one["spec"], one["spec"]["template"]["spec"]
    if not _selects(spec["selector"]["matchLabels"], one):
        yield "its selector does not select its own pods"
    if one["kind"] == "StatefulSet" and ("Service", spec["serviceName"]) not in names:
        yield f"there is no Service {spec['serviceName']}"
    if pod.get("securityContext", {}).get("runAsNonRoot") is not True:
        yield "may run as root"
    for container in pod["containers"]:
        yield from _container(container)
    yield from _mounts(one)
    for kind, name, keys in _references(pod):
        if kind == "ConfigMap" and ("ConfigMap", name) not in names:
            yield f"there is no ConfigMap {name}"
        elif kind == "Secret" and not keys <= secrets.get(name, set()):
            yield f"the Secret {name} is not said to hold {sorted(keys)}"


def _container(container: Object) -> Iterator[str]:
    name = container["name"]
    for kind in ("requests", "limits"):
        if not container.get("resources", {}).get(kind, {}).keys() >= {"cpu", "memory"}:
            yield f"{name} has no {kind} of CPU and memory"
    safe = container.get("securityContext", {})
    if safe.get("allowPrivilegeEscalation") is not False or not safe.get("readOnlyRootFilesystem"):
        yield f"{name} may gain privileges, or write to its own image"
    if safe.get("capabilities", {}).get("drop") != ["ALL"]:
        yield f"{name} keeps capabilities"
    yield from _probes(container)
    yield from _environment(container)


def _probes(container: Object) -> Iterator[str]:
    name = container["name"]
    ports = {p.get("name") for p in container.get("ports", ())}
    ports |= {p["containerPort"] for p in container.get("ports", ())}
    for probe in PROBES:
        if probe not in container:
            yield f"{name} has no {probe}"
        elif container[probe].get("httpGet", {}).get("port", next(iter(ports))) not in ports:
            yield f"{name}: {probe} asks a port that is not there"


def _environment(container: Object) -> Iterator[str]:
    name = container["name"]
    before: set[str] = set()
    for variable in container.get("env", ()):
        if ("value" in variable) == ("valueFrom" in variable):
            yield f"{name}: {variable['name']} needs a value or a place to take it from"
        for used in re.findall(r"\$\((\w+)\)", str(variable.get("value", ""))):
            if used not in before:
                yield f"{name}: {variable['name']} uses $({used}) before it is set"
        before.add(variable["name"])


def _mounts(one: Object) -> Iterator[str]:
    pod = one["spec"]["template"]["spec"]
    volumes = {v["name"] for v in pod.get("volumes", ())}
    volumes |= {c["metadata"]["name"] for c in one["spec"].get("volumeClaimTemplates", ())}
    mounted = {m["name"] for c in pod["containers"] for m in c.get("volumeMounts", ())}
    for name in sorted(mounted ^ volumes):
        yield f"the volume {name} is {'not there' if name in mounted else 'not used'}"


def _references(pod: Object) -> Iterator[tuple[str, str, set[str]]]:
    """The ConfigMaps and Secrets of a pod, with the keys it takes."""
    for volume in pod.get("volumes", ()):
        if "configMap" in volume:
            yield "ConfigMap", volume["configMap"]["name"], set()
        if "secret" in volume:
            keys = {item["key"] for item in volume["secret"].get("items", ())}
            yield "Secret", volume["secret"]["secretName"], keys
    for container in pod["containers"]:
        for variable in container.get("env", ()):
            source = variable.get("valueFrom", {})
            if "secretKeyRef" in source:
                yield "Secret", source["secretKeyRef"]["name"], {source["secretKeyRef"]["key"]}
            if "configMapKeyRef" in source:
                yield "ConfigMap", source["configMapKeyRef"]["name"], set()


def _pointing(one: Object, workloads: Sequence[Object], names: Collection[tuple[str, str]]) -> Iterator[str]:
    """Objects that point at workloads: they must be there."""
    kind, spec = one["kind"], one.get("spec", {})
    if kind == "Service":
        targets = [w for w in workloads if _selects(spec["selector"], w)]
        ports = {
            name
            for w in targets
            for c in w["spec"]["template"]["spec"]["containers"]
            for p in c.get("ports", ())
            for name in (p.get("name"), p["containerPort"])
        }
        if not targets:
            yield "selects no pods"
        for port in spec["ports"]:
            if targets and port.get("targetPort", port["port"]) not in ports:
                yield f"its port {port.get('targetPort', port['port'])} is nobody's"
    elif kind in ("PodDisruptionBudget", "NetworkPolicy"):
        selector = spec["selector" if kind == "PodDisruptionBudget" else "podSelector"]["matchLabels"]
        if not any(_selects(selector, w) for w in workloads):
            yield "selects no pods"
    elif kind == "HorizontalPodAutoscaler":
        target = spec["scaleTargetRef"]
        if (target["kind"], target["name"]) not in names:
            yield f"there is no {target['kind']} {target['name']}"
