"""Whether captured requests can be kept where the configuration says."""

from __future__ import annotations

import os.path
from typing import TYPE_CHECKING

from litellm_tiering.config.words import Finding

if TYPE_CHECKING:
    from collections.abc import Iterator

    from litellm_tiering.config.sense import View
    from litellm_tiering.config.words import Loc


def judge_capture(view: View) -> Iterator[Finding]:
    """A path that can be a file's, and is no other file of ours."""
    capture, store = view.section.capture, view.section.store
    loc: Loc = ("tiering", "capture", "path")
    if capture.path.endswith(("/", os.sep)) or "\0" in capture.path:
        yield Finding(
            loc, f"{view.words.show(capture.path)} names no file", "write a file's name: `capture.jsonl`."
        )
        return
    if capture.path.endswith(".gz"):
        yield Finding(
            loc,
            "is not packed while it is written to, whatever it is called",
            "write `capture.jsonl`, and pack what is older.",
        )
    others = {os.path.normpath(store.url.removeprefix("sqlite:///")): "store.url"}
    if store.spool != "off":
        others[os.path.normpath(store.spool)] = "store.spool"
    other = others.get(os.path.normpath(capture.path))
    if other is not None:
        yield Finding(loc, f"is the file of `{other}` too", "give it a file of its own.")
