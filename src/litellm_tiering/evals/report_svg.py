"""Curves as an inline SVG picture: no script and no file beside it; it follows the page's colours."""

from __future__ import annotations

import html
import math
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

WIDTH, HEIGHT = 760, 400

_LEFT, _RIGHT, _TOP, _BOTTOM = 64, 16, 14, 46
_STEPS = (1.0, 2.0, 2.5, 5.0, 10.0)
_TICKS = 6


class Series(NamedTuple):
    """One line of a picture.

    Attributes:
        label: What it is called.
        points: Its points, by x.
        pen: Its class in the page's style: ``c0`` to ``c7``, ``grey`` or ``dots``.
        marks: Whether its points are marked rather than joined.
    """

    label: str
    points: tuple[tuple[float, float], ...]
    pen: str
    marks: bool = False


def picture(series: Sequence[Series], x: str, y: str, level: float | None = None) -> str:
    """An SVG element with axes called ``x`` and ``y``; ``level`` is a height that is marked."""
    found = [p for s in series for p in s.points if all(map(math.isfinite, p))]
    if not found:
        return ""
    across = _scale([p[0] for p in found])
    up = _scale([p[1] for p in found] + ([] if level is None else [level]))
    place = _Place(across, up)
    parts = [*_axes(place, x, y)]
    if level is not None:
        parts.append(f'<line class="level" x1="{_LEFT}" x2="{WIDTH - _RIGHT}" {_same("y", place.y(level))}/>')
    for one in series:
        parts += _drawn(one, place)
    title = html.escape(f"{y} against {x}")
    return f'<svg viewBox="0 0 {WIDTH} {HEIGHT}" role="img" aria-label="{title}">' + "".join(parts) + "</svg>"


class _Place(NamedTuple):
    """From values to places on the picture."""

    across: tuple[float, float, float]
    up: tuple[float, float, float]

    def x(self, value: float) -> float:
        low, high, _ = self.across
        return _LEFT + (value - low) / (high - low) * (WIDTH - _LEFT - _RIGHT)

    def y(self, value: float) -> float:
        low, high, _ = self.up
        return HEIGHT - _BOTTOM - (value - low) / (high - low) * (HEIGHT - _TOP - _BOTTOM)


def _scale(values: Sequence[float]) -> tuple[float, float, float]:
    """The ends of an axis and the distance of its marks, in round numbers."""
    low, high = min(values), max(values)
    if high - low <= abs(high) * 1e-9:
        low, high = low - 0.5, high + 0.5
    rough = (high - low) / _TICKS
    power = 10.0 ** math.floor(math.log10(rough))
    step = next(s * power for s in _STEPS if s * power >= rough * (1 - 1e-9))
    return math.floor(low / step + 1e-9) * step, math.ceil(high / step - 1e-9) * step, step


def _axes(place: _Place, x: str, y: str) -> Iterator[str]:
    for value in _marks(place.across):
        at = place.x(value)
        yield f'<line class="grid" {_same("x", at)} y1="{_TOP}" y2="{HEIGHT - _BOTTOM}"/>'
        yield f'<text x="{at:.1f}" y="{HEIGHT - _BOTTOM + 16}" text-anchor="middle">{value:g}</text>'
    for value in _marks(place.up):
        at = place.y(value)
        yield f'<line class="grid" x1="{_LEFT}" x2="{WIDTH - _RIGHT}" {_same("y", at)}/>'
        yield f'<text x="{_LEFT - 8}" y="{at + 4:.1f}" text-anchor="end">{value:g}</text>'
    yield f'<text x="{WIDTH / 2:g}" y="{HEIGHT - 8}" text-anchor="middle">{html.escape(x)}</text>'
    middle = (HEIGHT - _BOTTOM) / 2
    yield (
        f'<text transform="translate(14 {middle:g}) rotate(-90)" text-anchor="middle">{html.escape(y)}</text>'
    )


def _marks(scale: tuple[float, float, float]) -> list[float]:
    low, high, step = scale
    return [round(low + i * step, 10) for i in range(round((high - low) / step) + 1)]


def _same(axis: str, at: float) -> str:
    return f'{axis}1="{at:.1f}" {axis}2="{at:.1f}"'


def _drawn(one: Series, place: _Place) -> Iterator[str]:
    at = [(place.x(a), place.y(b)) for a, b in one.points if math.isfinite(a) and math.isfinite(b)]
    name = f"<title>{html.escape(one.label)}</title>"
    if one.marks:
        for a, b in at:
            yield f'<circle class="{one.pen}" cx="{a:.1f}" cy="{b:.1f}" r="5">{name}</circle>'
        return
    points = " ".join(f"{a:.1f},{b:.1f}" for a, b in at)
    yield f'<polyline class="{one.pen}" points="{points}">{name}</polyline>'
