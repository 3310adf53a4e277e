from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from litellm_tiering.core.gate import Ruling
from litellm_tiering.gates.unbalanced import MAX_BLOCK_CHARS, UnbalancedGate
from litellm_tiering.testing.gates import exchange

GATE = UnbalancedGate()
DATA = {"rows": [{"id": n, "name": f"boat [{n}"} for n in range(20)]}
PYTHON = "def add(a, b):\n    # (sum\n    return a + b  # )]\n\nprint(add(1, 2), '(', \"[{\")\n"

OPEN = {
    "fence": ("Here:\n\n```python\nprint(1)\n", "fence"),
    "tildes": ("Here:\n\n~~~\nprint(1)\n", "fence"),
    "second fence": ("```\na\n```\nand\n```js\nlet x = [1,", "fence"),
    "fence in a list": ("1. Run\n   ```sh\n   make\n", "fence"),
    "json": (json.dumps(DATA)[:-30], "brackets"),
    "json in lines": (json.dumps(DATA, indent=2)[:-40], "brackets"),
    "long json": (json.dumps(DATA["rows"] * 100)[:-30] + '"x', "brackets"),
    "fenced json": ('```json\n{"a": [1, 2\n```', "brackets"),
    "fenced python": ("```python\nprint(add(1, 2)\n```", "brackets"),
    "fenced js": ("```js\nfunction f() { return g([`}`]; // }\n```\nDone.", "brackets"),
    "latex": ("We have \\begin{align*} x &= 1 \\\\ y", "environment"),
}
CLOSED = {
    "prose": "A smiley :) and a list: 1) one, 2) two (and no more.",
    "emoticons": "Sad :( very :[ and {this",
    "code": f"```python\n{PYTHON}```",
    "code at once": f"```python\n{PYTHON}```\nThat is all.",
    "docstring": '```python\ndef f():\n    """Opens ( and [ and {."""\n    return 1\n```',
    "rust": "```rust\nfn first<'a>(x: &'a str) -> char { '(' }\n```",
    "bash": "```bash\ncase $x in\n  a) echo a ;;\nesac\n```",
    "text": "```text\n[ open\n```",
    "unnamed": "```\nf(\n```",
    "sketch": "```python\nfoo(a, ...\n```",
    "too many closed": "```js\nconst r = /[)]/; f(g(1)))\n({ \n```",
    "within a line": "Use ``` to open a fence.",
    "one-line fence": "```x = (1```",
    "nested": "```markdown\n# Title\n```bash\nmake\n```\nMore\n```",
    "longer fence": "````markdown\n```\ncode\n```\n````",
    "json": json.dumps(DATA),
    "raw line breaks in json": '{"a": "x (\n y [\n"}',
    "citation": "[1] Smith et al. (2020), and so on.",
    "note": "[Note: this is prose, not JSON",
    "latex": "\\begin{align*} x \\end{align*}",
    "latex named": "Write `\\begin{align}` to begin one.",
    "wrong end": "\\end{align} \\begin{cases} x",
    "long code": "```python\n" + "f(\n" * MAX_BLOCK_CHARS + "```",
    "long json": json.dumps(DATA["rows"] * 200),
    "empty": "",
}


@pytest.mark.parametrize("name", OPEN)
def test_what_was_left_open_is_rejected(name):
    answer, reason = OPEN[name]
    verdict = GATE.judge(exchange(answer))
    assert (verdict.ruling, verdict.reason) == (Ruling.REJECT, reason)


@pytest.mark.parametrize("name", CLOSED)
def test_what_is_closed_or_was_never_opened_is_accepted(name):
    assert GATE.judge(exchange(CLOSED[name])).ruling is Ruling.ACCEPT


def test_only_the_end_tells_what_is_left_open():
    assert not GATE.judges_prefix


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=10),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=5), inner, max_size=4),
)


@given(st.dictionaries(st.text(max_size=5), json_values, min_size=1, max_size=4), st.booleans())
def test_whole_json_is_never_left_open(value, fenced):
    text = json.dumps(value, ensure_ascii=False)
    assert not GATE.judge(exchange(f"```json\n{text}\n```" if fenced else text)).rejects


@given(
    st.lists(
        st.sampled_from(["```", "~~~", "\n", "`", "x", " ", "(", "}", '"', "'", "/*", "\\"]), max_size=80
    )
)
def test_any_mixture_of_marks_gets_a_verdict(parts):
    assert GATE.judge(exchange("".join(parts))).ruling in {Ruling.ACCEPT, Ruling.REJECT}


@pytest.mark.parametrize("junk", ["```\n", "~~~ x\n", "```c\n/*", "```js\n`\\", '{"', "\\begin{a}", "\n"])
def test_two_megabytes_of_marks_get_a_verdict(junk):
    assert GATE.judge(exchange(junk * (2_000_000 // len(junk)))).ruling in {Ruling.ACCEPT, Ruling.REJECT}
