"""The dashboard at ``/tiering``: one page, put together once; data comes with the viewer's own key.

Its parts lie under ``page/`` and need no build step. Style and script stand in the page itself, and the
Content-Security-Policy allows exactly these two, by their hashes, and nothing else.
"""

from __future__ import annotations

import base64
import hashlib
from dataclasses import dataclass
from importlib.resources import files
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

SCRIPTS = (
    "dom.js",
    "charts.js",
    "api.js",
    "debt.js",
    "arms.js",
    "panels.js",
    "decisions.js",
    "explain.js",
    "exemptions.js",
    "main.js",
)
"""The parts of the script, in the order in which they run."""

_STYLE_HERE, _SCRIPT_HERE = "/*STYLE*/", "/*SCRIPT*/"


@dataclass(frozen=True, slots=True)
class Page:
    """The page, and the headers that it is sent with.

    Attributes:
        html: All of it.
        headers: Its Content-Security-Policy, and those that keep it out of frames and caches.
    """

    html: str
    headers: Mapping[str, str]


def _part(name: str) -> str:
    return files("litellm_tiering.gateway").joinpath("page").joinpath(name).read_text(encoding="utf-8")


def _hash(text: str) -> str:
    """What a Content-Security-Policy calls this style or script: https://www.w3.org/TR/CSP3/#grammardef-hash-source."""
    digest = hashlib.sha256(text.encode()).digest()
    return f"'sha256-{base64.b64encode(digest).decode('ascii')}'"


def assembled() -> Page:
    """The page from its parts; raises FileNotFoundError where the installation lacks one."""
    style = "\n" + _part("style.css")
    parts = "\n".join(_part(name) for name in SCRIPTS)
    script = f'\n"use strict";\n(() => {{\n{parts}\n}})();\n'
    html = _part("index.html").replace(_STYLE_HERE, style).replace(_SCRIPT_HERE, script)
    policy = (
        "default-src 'none'",
        f"style-src {_hash(style)}",
        f"script-src {_hash(script)}",
        "connect-src 'self'",
        "img-src data:",
        "base-uri 'none'",
        "form-action 'none'",
        "frame-ancestors 'none'",
        # Nothing can be turned from text into markup or script, whatever this page's own code does.
        "require-trusted-types-for 'script'",
        "trusted-types 'none'",
    )
    headers = {
        "content-security-policy": "; ".join(policy),
        "cache-control": "no-cache",
        "cross-origin-opener-policy": "same-origin",
        "permissions-policy": "camera=(), geolocation=(), microphone=()",
        "referrer-policy": "no-referrer",
        "x-content-type-options": "nosniff",
        "x-frame-options": "DENY",
    }
    return Page(html, headers)


PAGE = assembled()
