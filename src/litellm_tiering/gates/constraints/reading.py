"""From a prompt to its demands: clauses read, what belongs together joined, contradictions left out."""

from __future__ import annotations

import re
import string
from dataclasses import replace
from typing import TYPE_CHECKING

from litellm_tiering.gates.constraints.choices import chosen
from litellm_tiering.gates.constraints.clauses import clauses_of
from litellm_tiering.gates.constraints.edges import edged
from litellm_tiering.gates.constraints.formats import formatted
from litellm_tiering.gates.constraints.forms import formed
from litellm_tiering.gates.constraints.kinds import COUNTED, MANY, Demands, Kind, Want
from litellm_tiering.gates.constraints.mood import binding
from litellm_tiering.gates.constraints.quantities import counted
from litellm_tiering.gates.constraints.source import MARK, Source, part
from litellm_tiering.gates.constraints.wording import quote, worded
from litellm_tiering.intake.signals import split_instruction

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from litellm_tiering.core.features import PromptText
    from litellm_tiering.gates.constraints.clauses import Clause

MAX_WANTS = 64
"""How many demands of one prompt are kept."""

_DIVIDERS = ("***", "---", "===", "###", "~~~", "___")
_SPLITTABLE = frozenset({Kind.PARAGRAPHS, Kind.SECTIONS, Kind.PARTS, Kind.ITEMS, Kind.STANZAS})
_LEADING_OVER = ("first", "before", "please")
_MARKED = re.compile(r"\b([A-Za-z]{3,20})[ \t]+(?:X|#|\[X\])(?!\w)")
_LABEL = re.compile(
    r"\b(section|part|chapter|paragraph|day|audience|step|scene|act|verse|week)[ \t]+(?:x\b|[1i]\b)",
    re.IGNORECASE,
)
_LONGEST_ECHO = 2_000
_LONG_CHARS = 1_500


def read_demands(prompt: str | PromptText) -> Demands:
    """What ``prompt`` demands of the answer that a program can check.

    Quoted text, code, documents, questions, reports of what others want, and what is only permitted demand
    nothing. Demands that contradict each other are left out. The time it takes is bounded.

    Args:
        prompt: The user's question, or it and the system prompt.

    Example:
        >>> demands = read_demands("Explain tides in at most 50 words, without commas.")
        >>> [want.kind.value for want in demands.wants]
        ['words', 'marks']
    """
    texts = (_asked(prompt),) if isinstance(prompt, str) else (prompt.system, _asked(prompt.question))
    wants: list[Want] = []
    for text in texts:
        if text:
            wants += _read(part(text))
    return _consistent(wants[:MAX_WANTS])


def has_document(text: str) -> bool:
    """Whether a long question is asked of a document that stands in it."""
    return bool(split_instruction(text)[1])


def _asked(text: str) -> str:
    """The part of a long question that asks: not the document that it is asked of."""
    if len(text) < _LONG_CHARS:
        return text
    instruction, document = split_instruction(text)
    return instruction if document else text


def _read(source: Source) -> list[Want]:
    clauses = clauses_of(source)
    wants: list[Want] = []
    for i, clause in enumerate(clauses):
        wants += counted(clause)
        wants += worded(clause, source)
        wants += edged(clause, source)
        wants += formed(clause)
        wants += formatted(clause, source)
        wants += chosen(clauses, i, source)
        wants += _repeated(clause, source)
    return _joined(wants, clauses, source)


def _repeated(clause: Clause, source: Source) -> Iterable[Want]:
    """As in "First repeat the request word for word": what stands before it, to the end of the line."""
    at = clause.find("REPEAT")
    named = clause.has("VERBATIM", "EXACT") or (clause.has("FIRST") and clause.has("LINE"))
    if at < 0 or not named or "NOT" in clause.signs[:at] or not binding(clause, at):
        return
    if clause.signs[max(0, at - 1) : at] == ("before",):
        return
    if "below" in {word.casefold() for word in clause.raw}:
        before = source.text[clause.at[-1] :].partition("\n\n")[2]
    else:
        before = source.text[: clause.at[0]] or source.text[: max(source.text.find("\n"), 0)]
    echo = _restored(source, before).strip()
    first = (
        echo.split("\n", 1)[0]
        if clause.has("LINE") or "first line" in " ".join(clause.raw).casefold()
        else echo
    )
    first = _shorn(first)
    if first and len(first) <= _LONGEST_ECHO and "\ue001" not in first:
        yield Want(Kind.REPEAT, words=(first,))


def _shorn(text: str) -> str:
    """``text`` without what leads over to the demand behind it: a list's number, "first", a comma.

    From the end, piece by piece: a pattern for all of it needs the fourth power of a run of spaces.
    """
    text = text.rstrip().removesuffix(",")
    for word in _LEADING_OVER:
        if text[-len(word) :].lower() == word:
            text = text[: -len(word)]
            break
    text = text.rstrip()
    number = text[:-1].rstrip(string.digits)
    if text.endswith(("-", "*")) or (text.endswith((".", ")")) and len(number) < len(text) - 1):
        text = number if text.endswith((".", ")")) else text[:-1]
    return text.rstrip()


def _restored(source: Source, text: str) -> str:
    """``text`` with its quotes in their places."""
    return re.sub(f"{MARK}(\\d+){MARK}", lambda m: f'"{source.quotes[int(m[1])]}"', text)


def _joined(wants: list[Want], clauses: Sequence[Clause], source: Source) -> list[Want]:
    """The demands, those of parts with what parts them."""
    divider, explicit = _divider(clauses, source)
    blank = any(
        clause.has("SEPARATED")
        and ("lines" in clause.text or "LINE" in clause.signs or "newlines" in clause.text)
        for clause in clauses
    )
    out: list[Want] = []
    parted = False
    for want in wants:
        if divider and want.kind in _SPLITTABLE and not (want.kind is Kind.ITEMS and parted):
            out.append(replace(want, kind=Kind.PARTS, words=(divider,)))
            parted = True
        elif want.kind is Kind.PARAGRAPHS and blank:
            out.append(replace(want, how=f"blank {want.how}".strip()))
        elif want.kind is Kind.SECTIONS:
            label = _MARKED.search(source.plain) or _LABEL.search(source.plain)
            out.append(replace(want, words=(label[1].casefold(),)) if label else want)
        elif want.kind is not Kind.PARTS:
            out.append(want)
    if divider and explicit and not parted:
        out.append(Want(Kind.PARTS, 2, MANY, (divider,), sure=0.9))
    return out


def _divider(clauses: Sequence[Clause], source: Source) -> tuple[str, bool]:
    """What parts of the answer shall be separated by, and whether it was said in so many words."""
    for i, clause in enumerate(clauses):
        at = clause.find("SEPARATED")
        if at < 0 or clause.has("words", "THEY", "IF", "WE") or "NOT" in clause.signs[max(0, at - 2) : at]:
            continue
        for near in clauses[i : i + 3]:
            for sign in near.signs:
                shown = quote(source, sign) or sign
                if shown.startswith(_DIVIDERS):
                    return shown, True
    return "", False


def _consistent(wants: list[Want]) -> Demands:
    """The demands without those that contradict each other."""
    out: list[Want] = []
    dropped = 0
    groups: dict[tuple[Kind, tuple[str, ...]], list[Want]] = {}
    for want in wants:
        groups.setdefault(_group(want), []).append(want)
    for (kind, _), group in groups.items():
        if kind in COUNTED or kind in {Kind.FREQUENCY, Kind.LETTERS}:
            kept = _meeting(group)
        elif kind is Kind.REPEAT:
            kept = group[:1]
        elif (
            kind in {Kind.LANGUAGE, Kind.STARTS, Kind.ENDS, Kind.ONE_OF} and len({w.words for w in group}) > 1
        ):
            kept = []
        else:
            kept = list(dict.fromkeys(group))
        dropped += 0 if kept else len(group)
        out += kept
    kept_all = _without_clashes(out)
    return Demands(tuple(kept_all), dropped + len(out) - len(kept_all))


def _group(want: Want) -> tuple[Kind, tuple[str, ...]]:
    if want.kind in COUNTED:
        return want.kind, ()
    if want.kind in {Kind.FREQUENCY, Kind.LETTERS}:
        return want.kind, tuple(word.casefold() for word in want.words)
    return want.kind, ()


def _meeting(group: list[Want]) -> list[Want]:
    """Numbers of one thing: those within which all of them can be kept, or none."""
    group = [w for w in group if w.how != "any"] or group
    low, high = max(w.low for w in group), min(w.high for w in group)
    if low > high:
        # A round number beside a bound: the bound stands.
        firm = [w for w in group if "about" not in w.how]
        return _meeting(firm) if firm and len(firm) < len(group) else []
    firm = [w for w in group if "about" not in w.how] or group
    low, high = max(w.low for w in firm), min(w.high for w in firm)
    how = " ".join(sorted({part for w in firm for part in w.how.split()}))
    words = next((w.words for w in group if w.words), ())
    return [replace(firm[0], low=low, high=high, words=words, how=how, sure=min(w.sure for w in firm))]


def _without_clashes(wants: list[Want]) -> list[Want]:
    """Leaves out pairs of different kinds that no answer can keep both of."""
    kinds = {want.kind: want for want in wants}
    bad: set[Kind] = set()
    for one, other in (
        (Kind.UPPER, Kind.LOWER),
        (Kind.JSON, Kind.CSV),
        (Kind.JSON, Kind.YAML),
        (Kind.PLAIN, Kind.TABLE),
    ):
        if one in kinds and other in kinds and kinds[other].high:
            bad |= {one, other}
    words, sentences = kinds.get(Kind.WORDS), kinds.get(Kind.SENTENCES)
    if words and sentences and sentences.low > words.high:
        bad |= {Kind.WORDS, Kind.SENTENCES}
    if words and Kind.PARAGRAPHS in kinds and kinds[Kind.PARAGRAPHS].low > words.high:
        bad |= {Kind.WORDS, Kind.PARAGRAPHS}
    if Kind.QUOTED in kinds and Kind.JSON in kinds:
        bad |= {Kind.QUOTED, Kind.JSON}
    needed = {
        w.casefold()
        for want in wants
        if want.kind in {Kind.INCLUDE, Kind.STARTS, Kind.ENDS}
        for w in want.words
    }
    needed |= {w.casefold() for want in wants if want.kind is Kind.FREQUENCY and want.low for w in want.words}
    out = []
    for want in wants:
        if want.kind in bad:
            continue
        if want.kind is Kind.FORBID and {w.casefold() for w in want.words} & needed:
            continue
        out.append(want)
    return out
