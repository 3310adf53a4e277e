"""A prompt parted into what is said in it and what is only quoted, shown or handed along.

Quotes, code and documents become marks: whatever they say is nobody's demand on the answer, and yet a quote
can be what a demand speaks of. Everything is one pass over bounded text.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from itertools import islice

MAX_CHARS = 10_000
"""How much of a prompt is read; the intake hands out less."""

MARK = "\ue000"
"""Stands before and after the number of a quote, in the private use area."""

_DOC = "\ue001"
_LONGEST_QUOTE = 2_000
_LONGEST_ASIDE = 120
_MAX_QUOTES = 200
_MAX_TRIES = 600
_MAX_CLOSERS = 12
_MAX_TAGS = 40
_FENCE = re.compile(r"```[^\n]{0,40}\n?([\s\S]*?)(?:```|\Z)")
_TAGGED = re.compile(r"<([a-zA-Z][\w-]{0,30})>|\[([A-Z]{2,20})\]")
_SPACED = re.compile(r"(?:[*] ){2,5}[*]")
_IDENTIFIER = re.compile(r"\b[A-Za-z0-9]+_\w+|\b\w+\(\)|\b\w+\.\w+\(")
_OPENERS = {
    '"': '"',
    "\u00ab": "\u00bb",
    "\u300c": "\u300d",
    "\u300e": "\u300f",
    "\u2018": "\u2019",
    "`": "`",
    "'": "'",
}
_ANY_OPENER = re.compile("[\"'`\u00ab\u300c\u300e\u2018]")
_STRAIGHT = str.maketrans(dict.fromkeys("“”„‟\uff02", '"') | {"\u2019": "'", MARK: " ", _DOC: " "})
# What says that a text follows, at the end of its line or before a quote.
_TEXTS = (
    "text passage article paragraph paragraphs email e-mail message letter essay story document excerpt "
    "quote transcript review post snippet conversation dialogue instruction instructions prompt paper "
    "abstract report note notes comment speech draft statement sentence sentences following below "
    "content input source context question code thread texte courriel extrait phrase suivant suivante "
    "suivants suivantes texto correo siguiente siguientes mensaje frase seguinte seguintes testo "
    "seguenti seguente brano folgende folgenden nachricht satz absatz aufsatz mail anweisung "
    "anweisungen "
)
_HANDED = re.compile(rf"\b(?:{'|'.join(_TEXTS.split())})\b[^\n:]{{0,40}}:[ \t]*$", re.IGNORECASE)
_HANDED_ASIAN = re.compile(
    "(?:文章|文本|邮件|段落|以下|下面|原文|内容|メール|次の|本文|テキスト|指示)"
    "[^\n\uff1a:]{0,20}[\uff1a:][ \t]*$"
)
# What a handed text is followed by when the speaker is heard again.
_BACK = re.compile(
    r"\b(?:your|the|this|deine?r?|ihre?r?|ta|votre|tu|su|tua|sua|a|la)\s+(?:entire\s+|whole\s+|final\s+)?"
    r"(?:response|answer|reply|output|summary|translation|rewrite|version|antwort|zusammenfassung|reponse|réponse"
    r"|résumé|respuesta|resumen|resposta|resumo|risposta|riassunto)\b"
    r"|\A\s*(?:please\s+|now\s+)?(?:answer|respond|reply|summari[sz]e|italici[sz]e|highlight"
    r"|(?:first,? )?repeat)\b",
    re.IGNORECASE,
)
_SAME_LINE = re.compile(
    r"\b(?:following(?: \w+){0,4}|(?:this|the) (?:text|passage|email|message|sentence|note|quote|review"
    r"|article|paragraph|post|statement|instruction|prompt)(?: \w+){0,3}|(?:text|email|message) is"
    r"|(?:folgenden?|diesen?)(?: \w+){0,3}|(?:suivante?|siguiente|seguinte|seguente)(?: \w+){0,3}"
    r"|(?:proofread|translate|summari[sz]e|paraphrase|\u00fcbersetze|traduis|traduce|traduza|traduci|review|edit|fix|rewrite|rephrase)"
    r"(?: (?:this|it|the following)(?: \w+){0,2})?): *(?=\S)",
    re.IGNORECASE,
)


@dataclass(slots=True)
class Source:
    """A prompt in two layers.

    Attributes:
        text: The prompt with a mark in place of every quote; documents and code are left out.
        quotes: What the quotes say, by number.
        templates: What the blocks of code hold.
        plain: The prompt as it was read, for what speaks of the request itself.
    """

    text: str = ""
    quotes: list[str] = field(default_factory=list)
    templates: list[str] = field(default_factory=list)
    plain: str = ""


def part(prompt: str) -> Source:
    """``prompt`` in two layers; what is longer than MAX_CHARS is not read."""
    plain = prompt[:MAX_CHARS].replace("\r\n", "\n")
    source = Source(plain=plain)
    text = _SPACED.sub(lambda found: found[0].replace(" ", ""), plain.translate(_STRAIGHT))
    if "```" in text:
        text = _FENCE.sub(lambda found: _template(source, found[1]), text)
    if "<" in text or "[/" in text:
        text = _without_tagged(text)
    text = _IDENTIFIER.sub(f" {_DOC} ", text)
    text = _masked(text, source)
    source.text = _without_documents(text)
    return source


def _template(source: Source, code: str) -> str:
    source.templates.append(code)
    return f" {_DOC} "


def _without_tagged(text: str) -> str:
    """``text`` without what stands between a tag and its end, as prompts hand documents along."""
    out, at = [], 0
    for found in islice(_TAGGED.finditer(text), _MAX_TAGS):
        if found.start() < at or text[found.start() - 1 : found.start()] == "<":
            continue
        tag = f"</{found[1]}>" if found[1] else f"[/{found[2]}]"
        end = text.find(tag, found.end())
        if end >= 0:
            out += [text[at : found.start()], f" {_DOC} "]
            at = end + len(tag)
    out.append(text[at:])
    return "".join(out)


def _masked(text: str, source: Source) -> str:
    """``text`` with marks for quotes."""
    out: list[str] = []
    at = tries = 0
    while len(source.quotes) < _MAX_QUOTES and tries < _MAX_TRIES:
        tries += 1
        found = _ANY_OPENER.search(text, at)
        if found is None:
            break
        start = found.start()
        end = _closing(text, start)
        if end < 0:
            out.append(text[at : start + 1])
            at = start + 1
            continue
        out += [text[at:start], f" {MARK}{len(source.quotes)}{MARK} "]
        source.quotes.append(text[start + 1 : end])
        at = end + 1
    out.append(text[at:])
    return "".join(out)


def _closing(text: str, start: int) -> int:
    """Where the quote that opens at ``start`` ends; -1 where it opens none."""
    opener = text[start]
    closer = _OPENERS[opener]
    if opener in "'\"" and start and text[start - 1].isalnum() and text[start - 1].isascii():
        return -1
    longest = _LONGEST_ASIDE if opener in "'`" else _LONGEST_QUOTE
    end = start
    for _ in range(_MAX_CLOSERS):
        end = text.find(closer, end + 1, start + longest)
        if end < 0 or (opener == "'" and "\n" in text[start:end]):
            return -1
        if end == start + 1:
            return -1 if opener != '"' else end
        following = text[end + 1 : end + 2]
        if closer not in "'\"" or not (following.isalnum() and following.isascii()):
            return end
    return -1


def _without_documents(text: str) -> str:
    """``text`` without the blocks that are handed along: after "the following text:", or set off by ">"."""
    blocks = re.split(r"\n[ \t]*\n", text)
    out: list[str] = []
    handed = False
    for block in blocks:
        if handed and not _BACK.search(block):
            continue
        handed = False
        if "\n>" in block or block.startswith(">"):
            block = "\n".join(line for line in block.split("\n") if not line.startswith(">"))  # noqa: PLW2901 - the same, shorter
        kept, handed = _up_to_document(block)
        out.append(kept)
    if handed and len(out) == len(blocks):
        handed = False
    return "\n\n".join(out)


def _up_to_document(block: str) -> tuple[str, bool]:
    """``block`` without the text that it hands along, and whether what follows it is such a text."""
    lines = block.split("\n")
    for i, line in enumerate(lines):
        if ":" not in line and "\uff1a" not in line:
            continue
        bare = line.rstrip()
        if (_HANDED.search(bare[-120:]) or _HANDED_ASIAN.search(bare[-60:])) and not _separates(bare):
            if i + 1 < len(lines) and any(rest.strip() for rest in lines[i + 1 :]):
                return "\n".join(lines[: i + 1]), False
            return block, True
        inline = _SAME_LINE.search(line)
        if (
            inline is not None
            and MARK not in line[inline.end() : inline.end() + 3]
            and not _separates(line[: inline.end()])
        ):
            return "\n".join([*lines[:i], line[: inline.end()]]), False
    return block, False


_FORMATS = re.compile(
    r"\b(?:one of|format|keywords?|words|phrases|options|rules|requirements|constraints|guidelines|conditions"
    r"|points?|divider|asterisks?|bullets?|separat\w+|choose|labels?|categories|regeln|r\u00e8gles|reglas)\b",
    re.IGNORECASE,
)


def _separates(line: str) -> bool:
    """Whether what follows a line shows a form, or lists rules, rather than being a text handed along."""
    return _FORMATS.search(line[-160:]) is not None
