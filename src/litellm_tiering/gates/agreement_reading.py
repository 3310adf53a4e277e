"""Which form a request's answers will have, so that two can be compared: read before any is paid for."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from litellm_tiering.core.features import ResponseFormat, TaskType
from litellm_tiering.gates.canonical_compare import CHOICE, FORMS, JSON, LABEL, NUMBER, TOOLS

if TYPE_CHECKING:
    from litellm_tiering.core.features import PromptText, RequestFeatures
    from litellm_tiering.core.gate import Demand

LOOK_CHARS = 2_000
"""How much of each end of the question is looked at; the system prompt's end as well."""

FEW_TOKENS = 24
"""Who allows no more than this many tokens wants a label or a number."""

MIN_OPTIONS = 2

# Linear: alternatives of literal words; between two of them a bounded stretch at most.
_JSON = re.compile(r"\bjson\b", re.IGNORECASE)
_OPTION = re.compile(r"(?m)^[ \t]{0,8}[(\[]?([A-J])[.):\]][ \t]{1,3}\S")
_INLINE = re.compile(r"[(\[]([A-J])[)\]][ \t]{1,3}\S")
_NUMBER = re.compile(
    r"\b(?:how (?:many|much|old|far|long|tall|fast|big|heavy)|calculate|compute|evaluate|solve|simplify|"
    r"(?:find|determine|what is|what's|what are|give) (?:the |a )?(?:\w{1,20} ){0,3}(?:sum|product|number|"
    r"value|total|area|volume|perimeter|probability|average|mean|median|remainder|percentage|ratio|cost|price|amount|count|"
    r"distance|speed|difference|quotient|length|width|height|age|angle|coefficient|root|roots|digits?)|"
    r"what is -?\d{1,30}|combien|wie ?viele?|berechne|cu[aá]nt[oa]s?|calcula|quant[oaie]s?|calcule|сколько|"
    r"вычисли\w{0,6})\b|多少|几[个只岁]|計算|计算|いくつ|いくら|何[個人本枚円]|몇|얼마|कितन|كم ",
    re.IGNORECASE,
)
_LABEL = re.compile(
    r"\b(?:yes or no|true or false|yes/no|true/false|"
    r"(?:one|single) (?:word|letter|label|category|class|token)|classify|categori[sz]e|sentiment|"
    r"which (?:category|label|class)|"
    r"(?:answer|reply|respond|return|output) (?:\w{1,12} ){0,3}(?:only|just|exactly)|"
    r"(?:only|just) (?:the |a |one )?(?:label|word|name|letter|category|answer|number|class|value|"
    r"date|code|id)|"
    r"klassifiziere|ja oder nein|oui ou non|s[ií] o no|sim ou n[ãa]o)\b|分类|分類|是或否|只回答",
    re.IGNORECASE,
)
_LABELLED = frozenset({TaskType.CLASSIFICATION})


def forms_of(on: str, features: RequestFeatures, prompt: PromptText, demand: Demand) -> tuple[str, ...]:
    """What the answers to a request are to be compared by; empty where they will be free text.

    Args:
        on: ``auto`` to read it off the request, ``always`` for whatever the answers have, or one form.
        features: The request in numbers.
        prompt: Its text.
        demand: The shape demanded of the answer.
    """
    if on in FORMS:
        return (on,)
    if on == "always":
        return FORMS
    found = set()
    if demand.tools or features.tools:
        found.add(TOOLS)
    text = _ends(prompt.question)
    system = prompt.system[-LOOK_CHARS:]
    if (
        demand.json
        or features.response_format is not ResponseFormat.TEXT
        or _JSON.search(text)
        or _JSON.search(system)
    ):
        found.add(JSON)
    if _options(text):
        found.add(CHOICE)
    elif features.task_type is TaskType.MATHS or _NUMBER.search(text):
        found.add(NUMBER)
    brief = features.max_tokens is not None and features.max_tokens <= FEW_TOKENS
    if features.task_type in _LABELLED or brief or _LABEL.search(text) or _LABEL.search(system):
        found.update((LABEL, NUMBER) if brief else (LABEL,))
    return tuple(form for form in FORMS if form in found)


def _ends(text: str) -> str:
    return text if len(text) <= 2 * LOOK_CHARS else f"{text[:LOOK_CHARS]}\n{text[-LOOK_CHARS:]}"


def _options(text: str) -> bool:
    """Whether the question lists choices by letter, from A on."""
    for pattern in (_OPTION, _INLINE):
        letters = list(dict.fromkeys(pattern.findall(text)))
        if len(letters) >= MIN_OPTIONS and letters[:MIN_OPTIONS] == ["A", "B"]:
            return True
    return False
