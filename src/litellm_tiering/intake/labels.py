"""What a request says of itself: tags, task type and use case, from its metadata. The client's word only."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

from litellm_tiering.core.features import TaskType
from litellm_tiering.intake.bodies import fields_of

if TYPE_CHECKING:
    from collections.abc import Mapping

MAX_TAGS = 64
"""How many tags of a request are read."""

MAX_LABEL_CHARS = 128
"""Longer tags and words are not labels and are left out."""

_SYNONYMS: Mapping[str, TaskType] = {
    **{task.value: task for task in TaskType},
    **dict.fromkeys(("conversation", "chitchat", "dialogue", "dialog"), TaskType.CHAT),
    **dict.fromkeys(("qa", "q&a", "question_answering", "questions"), TaskType.QUESTION),
    **dict.fromkeys(("classify", "categorization", "categorisation", "labeling", "labelling", "sentiment"),
                    TaskType.CLASSIFICATION),
    **dict.fromkeys(("extract", "ner", "parsing", "data_extraction"), TaskType.EXTRACTION),
    **dict.fromkeys(("summarize", "summarise", "summarization", "summarisation"), TaskType.SUMMARY),
    **dict.fromkeys(("translate", "translations", "localization"), TaskType.TRANSLATION),
    **dict.fromkeys(("coding", "code_generation", "programming", "codegen", "code_review"), TaskType.CODE),
    **dict.fromkeys(("math", "mathematics", "arithmetic"), TaskType.MATHS),
    **dict.fromkeys(("analyze", "analyse", "reasoning", "research"), TaskType.ANALYSIS),
    **dict.fromkeys(("plan", "agent_planning"), TaskType.PLANNING),
    **dict.fromkeys(("writing", "creative_writing", "copywriting", "story"), TaskType.CREATIVE),
}  # fmt: skip
_TASK_KEYS = ("task_type", "task")
_USE_KEYS = ("use_case", "usecase")
_PREFIXES = {
    "task": "task",
    "task_type": "task",
    "task-type": "task",
    "use_case": "use",
    "use-case": "use",
    "usecase": "use",
}


class Labels(NamedTuple):
    """What the metadata states; empty where it states nothing."""

    tags: frozenset[str] = frozenset()
    task: TaskType | None = None
    use_case: str = ""


def read_labels(body: Mapping[str, Any]) -> Labels:
    """The labels of a request: those in ``metadata`` before LiteLLM's own copy of it, tags after both."""
    if not ("metadata" in body or "litellm_metadata" in body or "tags" in body):
        return Labels()
    sources = (fields_of(body.get("metadata")), fields_of(body.get("litellm_metadata")))
    tags = _tags(body.get("tags"), *(s.get("tags") for s in sources))
    task = use = ""
    for source in sources:
        task = task or _first_label(source, _TASK_KEYS)
        use = use or _first_label(source, _USE_KEYS)
    for tag in sorted(tags):
        for mark in (":", "="):
            head, found, rest = tag.partition(mark)
            kind = _PREFIXES.get(head.strip().casefold()) if found else None
            if kind == "task":
                task = task or label_of(rest)
            elif kind == "use":
                use = use or label_of(rest)
    known = task_named(task) or task_named(use)
    # A word that is no task type is the owner's own: rules may name it.
    return Labels(tags, known, use or (task if task_named(task) is None else ""))


def task_named(word: str) -> TaskType | None:
    """The task type that ``word`` is a name of, or None."""
    return _SYNONYMS.get(word.casefold().replace("-", "_").replace(" ", "_"))


def _tags(*values: Any) -> frozenset[str]:  # noqa: ANN401 - a body holds anything
    found: set[str] = set()
    for value in values:
        if isinstance(value, str):
            value = value.split(",", MAX_TAGS) if len(value) <= MAX_TAGS * MAX_LABEL_CHARS else []  # noqa: PLW2901
        if not isinstance(value, (list, tuple)):
            continue
        for tag in value[:MAX_TAGS]:
            label = label_of(tag)
            if label and len(found) < MAX_TAGS:
                found.add(label)
    return frozenset(found)


def _first_label(source: Mapping[str, Any], keys: tuple[str, ...]) -> str:
    return next((label for key in keys if (label := label_of(source.get(key)))), "")


def label_of(value: Any) -> str:  # noqa: ANN401 - a body holds anything
    """A short text without line breaks, or nothing."""
    if not isinstance(value, str) or len(value) > MAX_LABEL_CHARS:
        return ""
    label = value.strip()
    return label if label.isprintable() else ""
