"""An evaluation as one page that needs nothing beside it: no script, no outside resource; light and dark."""

from __future__ import annotations

import html
from typing import TYPE_CHECKING

from litellm_tiering.evals.report_blocks import blocks_of, headline
from litellm_tiering.evals.report_svg import Series, picture

if TYPE_CHECKING:
    from collections.abc import Iterator

    from litellm_tiering.evals.report import Calibration, PairReport
    from litellm_tiering.evals.report_blocks import Block
    from litellm_tiering.evals.report_result import Evaluation

_PENS = 8
_ALLOWED = "default-src 'none'; style-src 'unsafe-inline'"

_STYLE = """
:root { color-scheme: light dark; --ink: #1b1f24; --paper: #fff; --faint: #6a737d; --line: #dfe3e8;
  --c0: #0072b2; --c1: #d55e00; --c2: #008a63; --c3: #b4558a; --c4: #9a6b00; --c5: #2a86b8; --c6: #7a4fb0;
  --c7: #a33; }
@media (prefers-color-scheme: dark) { :root { --ink: #e6e9ec; --paper: #14181c; --faint: #98a2ad;
  --line: #343b43; --c0: #56b4e9; --c1: #ff9350; --c2: #3ccb9c; --c3: #e59ac4; --c4: #e6b422; --c5: #8fd0f5;
  --c6: #b99cf0; --c7: #f08080; } }
* { box-sizing: border-box; }
body { margin: 0 auto; max-width: 60rem; padding: 1.5rem 1rem 4rem; color: var(--ink);
  background: var(--paper); font: 16px/1.5 system-ui, sans-serif; }
h1 { font-size: 1.4rem; margin: 0 0 .25rem; }
h2 { font-size: 1.05rem; margin: 2rem 0 .5rem; overflow-wrap: anywhere; }
p { margin: .4rem 0; overflow-wrap: anywhere; }
.said { border-left: 4px solid var(--c0); padding-left: .8rem; }
.wide { overflow-x: auto; }
table { border-collapse: collapse; font-variant-numeric: tabular-nums; font-size: .88rem; }
th, td { text-align: left; padding: .25rem .9rem .25rem 0; border-bottom: 1px solid var(--line);
  white-space: nowrap; }
th { color: var(--faint); font-weight: 600; }
figure { margin: 1rem 0; }
svg { width: 100%; height: auto; font: 12px system-ui, sans-serif; }
svg text { fill: var(--faint); }
.grid { stroke: var(--line); }
.level { stroke: var(--faint); stroke-dasharray: 6 4; }
polyline { fill: none; stroke-width: 2; }
polyline.grey { stroke: var(--faint); stroke-width: 1.4; }
polyline.dots { stroke: var(--faint); stroke-width: 1.4; stroke-dasharray: 2 4; }
figcaption { display: flex; flex-wrap: wrap; gap: .2rem 1.2rem; font-size: .85rem; }
figcaption span::before { content: ""; display: inline-block; width: 1.4rem; height: .2rem;
  margin-right: .4rem; vertical-align: middle; background: currentcolor; }
figcaption .grey, figcaption .dots { color: var(--faint); }
figcaption .mark::before { width: .6rem; height: .6rem; border-radius: 50%; }
figcaption .dots::before { background: none; border-top: 2px dotted; height: 0; }
""" + "".join(
    f"polyline.c{i} {{ stroke: var(--c{i}); }} circle.c{i} {{ fill: var(--c{i}); stroke: var(--ink); }} "
    f"figcaption .c{i} {{ color: var(--c{i}); }}\n"
    for i in range(_PENS)
)


def page_of(found: Evaluation) -> str:
    """The whole page; every name from a file is escaped."""
    parts = [
        "<!doctype html>",
        '<html lang="en"><head><meta charset="utf-8">',
        '<meta name="viewport" content="width=device-width, initial-scale=1">',
        f'<meta http-equiv="Content-Security-Policy" content="{_ALLOWED}">',
        f"<title>{_text('Evaluation of ' + found.source)}</title><style>{_STYLE}</style></head><body>",
        f"<h1>Evaluation</h1><p>{_text(headline(found))}</p>",
    ]
    blocks = list(blocks_of(found))
    short = [b for b in blocks if not b.rows]
    parts += [f'<p class="said">{_text(s)}</p>' for b in short for s in b.sentences]
    for pair in found.pairs:
        parts.append(_curves(found, pair))
    foretold = (*found.calibrations, *(g.calibration for g in found.gates))
    parts += [_reliability(c) for c in foretold if len(c.bins) > 1]
    parts += [part for b in blocks if b.rows for part in _block(b)]
    return "\n".join([*parts, "</body></html>"]) + "\n"


def _block(block: Block) -> Iterator[str]:
    yield f"<h2>{_text(block.title)}</h2>"
    head, *rows = block.rows
    cells = "".join(f'<th scope="col">{_text(c)}</th>' for c in head)
    yield f'<div class="wide"><table><thead><tr>{cells}</tr></thead><tbody>'
    for row in rows:
        yield "<tr>" + "".join(f"<td>{_text(cell)}</td>" for cell in row) + "</tr>"
    yield "</tbody></table></div>"
    yield from (f"<p>{_text(s)}</p>" for s in block.sentences)


def _curves(found: Evaluation, pair: PairReport) -> str:
    """What quality costs under each router, and where the configurations stand."""
    series, chains = [], {}
    free = iter(range(10_000))
    for line in pair.lines:
        pen = {"oracle": "grey", "random": "dots"}.get(line.label) or f"c{next(free) % _PENS}"
        if line.kind == "chain":
            chains[line.label] = pen
        series.append(Series(line.label, line.curve, pen))
    marks = []
    if (pair.weak, pair.strong) == (found.tiers[0], found.tiers[-1]):
        for policy in found.policies:
            if policy.label in chains:
                cost = policy.cost if pair.priced else None
                x = 100 * policy.parts[-1].share if cost is None else cost.value
                at = ((x, policy.quality.value),)
                marks.append(Series(f"{policy.label}, as it stands", at, chains[policy.label], marks=True))
    strong = pair.strong[1]
    across = f"cost, % of always {strong}" if pair.priced else f"% of questions sent to {strong}"
    level = 0.95 * pair.lines[0].figures["strong"].value
    title = f"Quality from {pair.weak[1]} to {strong}; dashed: 95 % of the stronger's"
    # What is drawn last lies on top.
    drawn = picture([*reversed(series), *marks], across, "quality", level)
    return _figure(title, drawn, [*series, *marks])


def _reliability(found: Calibration) -> str:
    points = tuple((b.said, b.so.value) for b in found.bins)
    series = [Series(found.label, points, "c0"), Series(found.label, points, "c0", marks=True)]
    if found.error is not None and points:
        ends = (points[0][0], points[-1][0])
        series.append(Series("as foretold", tuple((e, e) for e in ends), "dots"))
    said = "the score" if found.error is None else "what was foretold"
    drawn = picture(series, said, "what was so")
    return _figure(f"{found.label}: what was so beside {said}", drawn, [s for s in series if not s.marks])


def _figure(title: str, drawn: str, series: list[Series]) -> str:
    kind = {True: "mark ", False: ""}
    keys = "".join(f'<span class="{kind[s.marks]}{s.pen}">{_text(s.label)}</span>' for s in series)
    return f"<h2>{_text(title)}</h2><figure>{drawn}<figcaption>{keys}</figcaption></figure>"


def _text(value: str) -> str:
    return html.escape("".join(c if c.isprintable() else "\N{REPLACEMENT CHARACTER}" for c in value))
