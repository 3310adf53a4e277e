"""What is risky about keeping prompts and answers."""

from __future__ import annotations

import stat
from pathlib import Path
from typing import TYPE_CHECKING

from litellm_tiering.config.words import Words
from litellm_tiering.errors import Problem

if TYPE_CHECKING:
    from collections.abc import Iterator

    from litellm_tiering.config.schema import TieringSection

_OTHERS = stat.S_IRWXG | stat.S_IRWXO


def capture_risks(section: TieringSection) -> Iterator[Problem]:
    """That text is stored, and whether it can be, and who could read it."""
    capture = section.capture
    if not capture.share:
        return
    path, shown = "tiering.capture", Words().show(capture.path)
    yield Problem(
        f"{path}.share",
        f"prompts and answers of {capture.share:.0%} of requests are stored in plain text, in {shown}"
        if capture.share >= 0.01  # noqa: PLR2004 - below it, a percentage would read 0 %
        else f"prompts and answers of some requests are stored in plain text, in {shown}",
        "see that those whose they are may expect it; `share: 0.0` stores none.",
    )
    file = Path(capture.path)
    try:
        mode = file.stat().st_mode
    except FileNotFoundError:
        if not file.absolute().parent.is_dir():
            yield Problem(
                f"{path}.path",
                f"the directory of {shown} is not there: nothing would be kept, and the status would say so",
                "make it, or write another path.",
            )
        return
    except OSError:
        return  # nobody who cannot look can judge; the proxy may run as somebody else
    if not stat.S_ISREG(mode):
        yield Problem(f"{path}.path", f"{shown} is no file", "write another path.")
    elif mode & _OTHERS:
        yield Problem(
            f"{path}.path", f"others may read {shown} ({stat.filemode(mode)})", f"`chmod 600 {capture.path}`."
        )
