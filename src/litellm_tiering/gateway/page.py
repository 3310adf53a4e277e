"""The status page at ``/tiering``: one file, no outside resources; data comes with the viewer's own key."""

from __future__ import annotations

from importlib.resources import files

PAGE = files("litellm_tiering.gateway").joinpath("page.html").read_text(encoding="utf-8")
