"""Whether Python's backtracking ``re`` needs more than linear time for a pattern: proved on its automaton.

A backtracking matcher tries the ways through a pattern one after the other. It needs more than linear time
where there are more and more ways to read the same text: where one state leads back to itself in two ways
(exponential), or where one loop leads to another that reads the same text (polynomial; Weber and Seidl, "On
the degree of ambiguity of finite automata", 1991). A search adds a loop of its own in front, which reads
anything: it starts anew at every place, or where the assertions at the pattern's head allow it. A loop in all
whose states the pattern may end cannot fail, and what cannot fail is not tried again. Bounded repetition adds
no loop; what stands in a lookahead is read like anything else; whether other assertions hold is left open,
which can only find too much.
"""

from __future__ import annotations

import re
import sys
from dataclasses import dataclass, field

if sys.version_info >= (3, 11):
    from re import _constants as sre
    from re import _parser as parser
else:
    import sre_constants as sre
    import sre_parse as parser

LINEAR, SEARCHED, AMBIGUOUS = "linear", "quadratic where it is searched for", "more than linear"
UNBOUNDED_FROM = 4_000
"""A repetition up to so many times is as good as one without a bound."""

_SAMPLES = "\x00\t\n !'(-./09:<AZ[\\]_`az{|}~\u00a0\u00e9\u00df\u0130\u0301\u0663\u2028\u3042\u9fff\U0001f600"
_HEADS = {sre.AT_BEGINNING: "text", sre.AT_BEGINNING_STRING: "text", sre.AT_BOUNDARY: "word"}
_CHARS = {sre.LITERAL, sre.NOT_LITERAL, sre.IN, sre.ANY}
_REPEATS = {sre.MAX_REPEAT, sre.MIN_REPEAT, getattr(sre, "POSSESSIVE_REPEAT", None)}


@dataclass
class Machine:
    """States with edges that read a symbol, that are free, or that hold only where an assertion does."""

    reads: list[list[tuple[object, int]]] = field(default_factory=list)
    free: list[list[int]] = field(default_factory=list)
    asserted: list[list[int]] = field(default_factory=list)
    heads: list[list[tuple[object, int]]] = field(default_factory=list)

    def state(self) -> int:
        for edges in (self.reads, self.free, self.asserted, self.heads):
            edges.append([])
        return len(self.reads) - 1


def judge(pattern: re.Pattern, *, to_the_end: bool = False) -> str:
    """One of :data:`LINEAR`, :data:`SEARCHED`, :data:`AMBIGUOUS`; ``to_the_end`` as ``fullmatch`` has it."""
    text = pattern.pattern if isinstance(pattern.pattern, str) else pattern.pattern.decode("latin-1")
    flags = pattern.flags if isinstance(pattern.pattern, str) else (pattern.flags & ~re.LOCALE) | re.ASCII
    machine = Machine()
    start = machine.state()
    end = _sequence(machine, parser.parse(text, flags & ~re.DEBUG), start, flags)
    if to_the_end:
        end = _asserted(machine, end)
    graph = Graph(machine, start, end, flags)
    if graph.ambiguous():
        return AMBIGUOUS
    return SEARCHED if graph.restarts() else LINEAR


def _sequence(machine: Machine, items, at: int, flags: int) -> int:
    for op, value in items:
        at = _item(machine, op, value, at, flags)
    return at


def _item(machine: Machine, op, value, at: int, flags: int) -> int:  # noqa: C901, PLR0911 - one case for each kind of part
    if op in _CHARS:
        after = machine.state()
        machine.reads[at].append(((op, value, flags), after))
        return after
    if op is sre.BRANCH:
        after = machine.state()
        for branch in value[1]:
            first = machine.state()
            machine.free[at].append(first)
            machine.free[_sequence(machine, branch, first, flags)].append(after)
        return after
    if op is sre.SUBPATTERN:
        _, add, drop, body = value
        return _sequence(machine, body, at, (flags | add) & ~drop)
    if op in _REPEATS:
        return _repeat(machine, value, at, flags)
    if op in {sre.ASSERT, sre.ASSERT_NOT}:
        direction, body = value
        if direction > 0:
            aside = machine.state()
            machine.free[at].append(aside)
            _sequence(machine, body, aside, flags)
        after = _asserted(machine, at)
        if direction < 0 and op is sre.ASSERT_NOT and len(body) == 1 and body[0][0] in _CHARS:
            machine.heads[at].append((("not", (*body[0], flags)), after))
        return after
    if op is sre.AT:
        after = _asserted(machine, at)
        if value in _HEADS:
            multiline = value is sre.AT_BEGINNING and flags & re.MULTILINE
            machine.heads[at].append(("line" if multiline else _HEADS[value], after))
        return after
    if op is getattr(sre, "ATOMIC_GROUP", None):
        return _sequence(machine, value, at, flags)
    raise NotImplementedError(f"{op} cannot be judged")


def _asserted(machine: Machine, at: int) -> int:
    after = machine.state()
    machine.asserted[at].append(after)
    return after


def _repeat(machine: Machine, value, at: int, flags: int) -> int:
    least, most, body = value
    for _ in range(min(least, 2)):
        at = _sequence(machine, body, at, flags)
    if most is sre.MAXREPEAT or most >= UNBOUNDED_FROM:
        hub = machine.state()
        machine.free[at].append(hub)
        machine.free[_sequence(machine, body, hub, flags)].append(hub)
        after = machine.state()
        machine.free[hub].append(after)
        return after
    after = machine.state()
    for _ in range(min(most - least, 2)):
        machine.free[at].append(after)
        at = _sequence(machine, body, at, flags)
    machine.free[at].append(after)
    return after


def _holds(atom, char: str) -> bool:
    op, value, flags = atom
    if op is sre.ANY:
        return bool(flags & re.DOTALL) or char != "\n"
    forms = (
        {char, char.lower()[:1], char.upper()[:1], char.swapcase()[:1]} if flags & re.IGNORECASE else {char}
    )
    if op is sre.NOT_LITERAL:
        return not any(ord(c) == value for c in forms)
    if op is sre.IN and value and value[0][0] is sre.NEGATE:
        return not any(_one(part, c, flags) for part in value[1:] for c in forms)
    parts = value if op is sre.IN else [(op, value)]
    return any(_one(part, c, flags) for part in parts for c in forms)


_CATEGORIES = {
    sre.CATEGORY_DIGIT: r"\d",
    sre.CATEGORY_NOT_DIGIT: r"\D",
    sre.CATEGORY_SPACE: r"\s",
    sre.CATEGORY_NOT_SPACE: r"\S",
    sre.CATEGORY_WORD: r"\w",
    sre.CATEGORY_NOT_WORD: r"\W",
}


def _one(part, char: str, flags: int) -> bool:
    op, value = part
    if op is sre.LITERAL:
        return ord(char) == value
    if op is sre.RANGE:
        return value[0] <= ord(char) <= value[1]
    return re.fullmatch(_CATEGORIES[value], char, flags & re.ASCII) is not None


def _ends(atom) -> set[str]:
    """Characters at which what an atom reads changes."""
    op, value, _ = atom
    parts = value if op is sre.IN else [(op, value)]
    codes: set[int] = set()
    for kind, what in parts:
        if kind in {sre.LITERAL, sre.NOT_LITERAL}:
            codes |= {what, what + 1}
        elif kind is sre.RANGE:
            codes |= {what[0] - 1, what[0], sum(what) // 2, what[1], what[1] + 1}
    found = {chr(c) for c in codes if 0 <= c < sys.maxunicode}
    return found | {c.swapcase() for c in found if len(c.swapcase()) == 1}


class Graph:
    """The states that have just read something, and which symbol leads where."""

    def __init__(self, machine: Machine, start: int, end: int, flags: int) -> None:
        atoms = {id(atom): atom for edges in machine.reads for atom, _ in edges}
        chars = sorted(set(_SAMPLES).union(*(_ends(atom) for atom in atoms.values())) if atoms else set())
        reads = {key: frozenset(c for c in chars if _holds(atom, c)) for key, atom in atoms.items()}
        before = [kind[1] for edges in machine.heads for kind, _ in edges if isinstance(kind, tuple)]
        symbols: dict[object, str] = {}
        for char in chars:
            # What atoms and the assertions at the head tell apart.
            told = [_holds(atom, char) for atom in before]
            told += [char == "\n", re.match(r"\w", char) is not None] if any(machine.heads) else []
            symbols.setdefault((frozenset(k for k, cs in reads.items() if char in cs), *told), char)
        self.symbols = sorted(symbols.values())
        self.start = start
        self.next: dict[int, dict[str, set[int]]] = {}
        self.ends_freely: set[int] = set()
        todo = [start]
        while todo:
            state = todo.pop()
            if state in self.next:
                continue
            reached = _closure(machine, state, asserted=True)
            if end in _closure(machine, state, asserted=False):
                self.ends_freely.add(state)
            steps: dict[str, set[int]] = {s: set() for s in self.symbols}
            for one in reached:
                for atom, after in machine.reads[one]:
                    for symbol in self.symbols:
                        if symbol in reads[id(atom)]:
                            steps[symbol].add(after)
            self.next[state] = steps
            todo += {s for found in steps.values() for s in found}
        kinds = [
            "",
            *(kind for one in _closure(machine, start, asserted=False) for kind, _ in machine.heads[one]),
        ]
        self.heads = [
            (kind, self._first(machine, _closure(machine, start, asserted=False, head=kind), reads))
            for kind in kinds
            if kind != "text"
        ]
        plain = {s: {t for found in steps.values() for t in found} for s, steps in self.next.items()}
        self.knots = _knots(plain)
        self.reach = plain

    def _first(self, machine: Machine, states: set[int], reads: dict) -> dict[str, set[int]]:
        """What a search that begins in these states has read after one symbol."""
        return {
            symbol: {
                after for one in states for atom, after in machine.reads[one] if symbol in reads[id(atom)]
            }
            for symbol in self.symbols
        }

    def ambiguous(self) -> bool:
        """Whether some text is read in ever more ways, by loops within the pattern."""
        knots = [knot for knot in self.knots if not knot <= self.ends_freely]
        failing = {s for knot in knots for s in knot}
        return any(self._twice(knot) for knot in knots) or any(
            self._meets(p, q)
            for p in self._looping()
            for q in self._looping()
            if p != q and {p, q} & failing and self._leads(p, q)
        )

    def restarts(self) -> bool:
        """Whether a search begins anew within what a loop, that may fail yet, has read already."""
        return any(
            self._begins_within(q, head, first, reached[first])
            for q in self._looping()
            if not self._knot(q) <= self.ends_freely
            for head, reached in self.heads
            for first in self.symbols
        )

    def _begins_within(self, q: int, head: object, first: str, reached: set[int]) -> bool:
        """Whether one text leads from q to q, and a search that begins with it to q as well."""
        around = self._knot(q)
        seen = {(b, c, first) for b in reached for c in self.next[q][first] & around}
        todo = list(seen)
        while todo:
            b, c, last = todo.pop()
            if b == q == c and _allowed(head, last, first):
                return True
            for s in self.symbols:
                for pair in ((x, y, s) for x in self.next[b][s] for y in self.next[c][s] & around):
                    if pair not in seen:
                        seen.add(pair)
                        todo.append(pair)
        return False

    def _looping(self) -> list[int]:
        return sorted({s for knot in self.knots for s in knot})

    def _knot(self, state: int) -> frozenset[int]:
        return next(k for k in self.knots if state in k)

    def _leads(self, p: int, q: int) -> bool:
        if q in self._knot(p):
            return True
        seen, todo = {p}, [p]
        while todo:
            for after in self.reach[todo.pop()]:
                if after == q:
                    return True
                if after not in seen:
                    seen.add(after)
                    todo.append(after)
        return False

    def _twice(self, knot: frozenset[int]) -> bool:
        """Whether a state of a loop comes back to itself in two ways by one text."""
        pairs = {
            (a, b): {
                (c, d) for s in self.symbols for c in self.next[a][s] & knot for d in self.next[b][s] & knot
            }
            for a in knot
            for b in knot
        }
        return any(any(a == b for a, b in found) and any(a != b for a, b in found) for found in _knots(pairs))

    def _meets(self, p: int, q: int) -> bool:
        """Whether one text leads from p to p, from p to q, and from q to q."""
        home, around = self._knot(p), self._knot(q)
        seen, todo = {(p, p, q)}, [(p, p, q)]
        while todo:
            a, b, c = todo.pop()
            for s in self.symbols:
                firsts, lasts = self.next[a][s] & home, self.next[c][s] & around
                for triple in ((x, y, z) for x in firsts for y in self.next[b][s] for z in lasts):
                    if triple == (p, q, q):
                        return True
                    if triple not in seen:
                        seen.add(triple)
                        todo.append(triple)
        return False


def _allowed(head: object, before: str, after: str) -> bool:
    """Whether a pattern with this head may begin between these two."""
    if isinstance(head, tuple):
        return not _holds(head[1], before)
    word = [re.match(r"\w", c) is not None for c in (before, after)]
    return not head or (before == "\n" if head == "line" else word[0] != word[1])


def _closure(machine: Machine, state: int, *, asserted: bool, head: object = "") -> set[int]:
    seen, todo = {state}, [state]
    while todo:
        one = todo.pop()
        more = [*machine.free[one], *(machine.asserted[one] if asserted else ())]
        more += [after for kind, after in machine.heads[one] if kind == head]
        todo += [s for s in more if s not in seen]
        seen.update(more)
    return seen


def _knots(edges: dict) -> list[frozenset]:  # noqa: C901 - one algorithm
    """The strongly connected components that hold a cycle: Tarjan's algorithm, without recursion."""
    index: dict = {}
    low: dict = {}
    stack: list = []
    on: set = set()
    found: list[frozenset] = []
    for root, first in edges.items():
        if root in index:
            continue
        work = [(root, iter(first))]
        index[root] = low[root] = len(index)
        stack.append(root)
        on.add(root)
        while work:
            node, rest = work[-1]
            for after in rest:
                if after not in index:
                    index[after] = low[after] = len(index)
                    stack.append(after)
                    on.add(after)
                    work.append((after, iter(edges[after])))
                    break
                if after in on:
                    low[node] = min(low[node], index[after])
            else:
                work.pop()
                if work:
                    low[work[-1][0]] = min(low[work[-1][0]], low[node])
                if low[node] == index[node]:
                    knot = set()
                    while True:
                        one = stack.pop()
                        on.discard(one)
                        knot.add(one)
                        if one == node:
                            break
                    if len(knot) > 1 or node in edges[node]:
                        found.append(frozenset(knot))
    return found
