from __future__ import annotations

import asyncio
import datetime as dt
import math
from concurrent.futures import Future

import pytest
from hypothesis import given
from hypothesis import strategies as st

from litellm_tiering.classifiers import embedding_local
from litellm_tiering.classifiers.embedding import EDGE_CHARS, EmbeddingClassifier, Looks, edges
from litellm_tiering.classifiers.embedding_local import LocalEncoder, encoder, installed, reads
from litellm_tiering.classifiers.embedding_space import Examples, Head, log_words
from litellm_tiering.core.classification import Subject
from litellm_tiering.core.features import Caller, PromptText, RequestFeatures
from litellm_tiering.core.ladder import Ladder, Tier

LADDER = Ladder([Tier(name, name) for name in ("simple", "moderate", "complex")])
NOON = dt.datetime(2026, 1, 1, 12, tzinfo=dt.timezone.utc)
EASY, HARD = (1.0, 0.0, 0.0), (0.0, 1.0, 0.0)
VECTORS = {"easy": EASY, "hard": HARD, "between": (1.0, 1.0, 0.0), "unlike": (0.0, 0.0, 1.0)}
EXAMPLES = Examples([[EASY], [], [HARD]])


def close(value):
    return pytest.approx(value, abs=1e-9)


@pytest.mark.parametrize(
    ("vector", "score", "similarity"),
    [(EASY, 0.0, 1.0), (HARD, 1.0, 1.0), ((1, 1, 0), 0.5, math.sqrt(0.5)), ((0, 0, 9), 0.5, 0.0)],
)
def test_the_score_is_the_place_between_the_tiers_that_have_examples(vector, score, similarity):
    sight = EXAMPLES.read(vector, 5)
    assert sight.score == pytest.approx(score, abs=1e-4)
    assert sight.similarity == close(similarity)
    assert 0.5 <= sight.confidence <= 1.0


def test_lengths_of_vectors_do_not_count():
    assert EXAMPLES.read((0.1, 0.3, 0.0), 1) == EXAMPLES.read((10.0, 30.0, 0.0), 1)


@given(st.lists(st.floats(-1, 1), min_size=3, max_size=3), st.floats(0, 1))
def test_a_bias_leans_upwards_and_scores_stay_on_the_ladder(vector, bias):
    leaning = Examples([[EASY], [], [HARD]], bias=bias)
    assert -1e-9 <= EXAMPLES.read(vector, 1).score <= leaning.read(vector, 1).score + 1e-9 <= 1 + 2e-9


def test_a_bias_moves_what_lies_between():
    assert EXAMPLES.read((1, 1, 0), 1).score == pytest.approx(0.5)
    assert Examples([[EASY], [], [HARD]], bias=0.2).read((1, 1, 0), 1).score > 0.8


def test_of_neighbours_the_nearest_count_and_of_none_the_mean_of_all():
    near, far = (1.0, 0.0, 0.0), (-1.0, 0.1, 0.0)
    nearest = Examples([[near, far], [HARD]], neighbours=1)
    assert nearest.read(EASY, 1).similarity == close(1.0)
    assert Examples([[near, far], [HARD]]).read(EASY, 1).similarity < 0.1


@pytest.mark.parametrize("vectors", [[[EASY], []], [[], []], [[EASY], [(1.0, 0.0)]]])
def test_examples_that_give_no_choice_are_refused(vectors):
    with pytest.raises(ValueError, match="two tiers or more"):
        Examples(vectors)


def test_a_head_weighs_vector_words_and_a_constant():
    head = Head([2.0, 0.0, 0.0, 0.5, 0.1])
    assert head.read((3.0, 0.0, 0.0), 7).score == close(2.0 + 0.5 * log_words(7) + 0.1)
    assert log_words(7) == close(0.3)
    with pytest.raises(ValueError, match="weights"):
        Head([1.0, 1.0])


@pytest.mark.parametrize("reader", [EXAMPLES, Head([1.0] * 5)])
def test_a_vector_of_another_length_is_a_fault(reader):
    with pytest.raises(ValueError, match="a vector of 2 numbers"):
        reader.read((1.0, 0.0), 1)


def test_a_zero_vector_is_alike_to_nothing():
    assert EXAMPLES.read((0, 0, 0), 1).similarity == 0.0


def test_head_and_tail_are_embedded():
    assert edges("  short ") == "short"
    text = edges("a" * 5_000 + "z" * 5_000)
    assert text == "a" * EDGE_CHARS + " " + "z" * EDGE_CHARS


@pytest.mark.parametrize(
    ("text", "language", "known"),
    [
        ("What is this?", "en", True),
        ("Was ist das?", "", True),
        ("2 + 2", "", True),
        ("これは何ですか", "ja", True),
        ("Что это", "ru", True),
        ("이것은 무엇입니까", "ko", True),
        ("यह क्या है", "hi", False),
        ("यह क्या है", "", False),
        ("Τι είναι αυτό;", "", False),  # noqa: RUF001 - Greek
        ("Hva er dette?", "no", False),
        ("Explain the letter α in this formula, please", "en", True),  # noqa: RUF001 - Greek
    ],
)
def test_a_language_that_the_model_does_not_know_is_left_to_others(text, language, known):
    assert reads(text, language) is known


class Local:
    """Stands in for the local model: knows a few words."""

    def __init__(self):
        self.asked, self.full = [], False

    def submit(self, text):
        if self.full:
            return None
        self.asked.append(text)
        future: Future = Future()
        future.set_result([list(VECTORS[text])])
        return future


class Side:
    def __init__(self, *, barred=()):
        self.asked, self.barred = [], barred

    def embed(self, by, model, texts, *, own=True):
        self.asked.append((list(texts), own))
        if own in self.barred:
            return None
        return self._vectors(texts)

    async def _vectors(self, texts):
        await asyncio.sleep(0)
        return [list(VECTORS[text]) for text in texts]


def subject(question, side=None, language="en"):
    return Subject(RequestFeatures(language=language), Caller(), PromptText(question), NOON, side)


async def said(classifier, given):
    found = classifier.classify(given)
    return await found if asyncio.iscoroutine(found) else found


@pytest.mark.parametrize("neighbours", [None, 1])
async def test_the_local_model_scores_a_request_and_remembers(neighbours):
    local = Local()
    reader = Examples([[EASY], [], [HARD]], neighbours=neighbours)
    classifier = EmbeddingClassifier(LADDER, Looks(reader, neighbours=neighbours), local=local)
    assert not classifier.asks
    assert classifier.thresholds == (0.25, 0.75)
    for question, score in (("easy", 0.0), ("hard", 1.0), ("between", 0.5), ("hard", 1.0)):
        opinion = await said(classifier, subject(question))
        assert opinion.score == pytest.approx(score, abs=1e-4)
    assert local.asked == ["easy", "hard", "between"]


@pytest.mark.parametrize(
    ("question", "language", "signal"),
    [("easy", "hi", "language"), ("unlike", "en", "unlike")],
)
async def test_it_abstains_where_it_cannot_tell(question, language, signal):
    classifier = EmbeddingClassifier(LADDER, Looks(EXAMPLES, min_similarity=0.3), local=Local())
    opinion = await said(classifier, subject(question, language=language))
    assert (opinion.score, opinion.rank) == (None, None)
    assert opinion.signals[signal] == 1.0


async def test_without_text_or_room_it_has_nothing_to_say():
    local = Local()
    classifier = EmbeddingClassifier(LADDER, Looks(EXAMPLES), local=local)
    assert await said(classifier, subject("  ")) is None
    local.full = True
    assert (await said(classifier, subject("easy"))).signals == {"barred": 1.0}


REMOTE = Looks(None, [["easy"], [], ["hard"]])


async def test_a_model_of_the_proxy_reads_the_examples_once_for_everybody():
    side, classifier = Side(), EmbeddingClassifier(LADDER, REMOTE, model="embedder")
    assert classifier.asks
    first = classifier.classify(subject("between", side))
    running = asyncio.ensure_future(first)
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    assert (await said(classifier, subject("hard", side))).signals == {"busy": 1.0}
    assert (await running).score == pytest.approx(0.5)
    assert (await said(classifier, subject("hard", side))).score == pytest.approx(1.0, abs=1e-3)
    assert side.asked == [(["between"], True), (["easy", "hard"], False), (["hard"], True)]
    # Not asked where a language is unknown to the local model: the proxy's may well know it.
    assert (await said(classifier, subject("easy", side, "hi"))).score == pytest.approx(0.0, abs=1e-3)


async def test_nobody_to_ask_and_nothing_to_spend():
    classifier = EmbeddingClassifier(LADDER, REMOTE, model="embedder")
    assert (await said(classifier, subject("easy"))).signals == {"not_asked": 1.0}
    assert (await said(classifier, subject("easy", Side(barred=(True,))))).signals == {"barred": 1.0}
    assert (await said(classifier, subject("easy", Side(barred=(False,))))).signals == {"unread": 1.0}
    assert (await said(classifier, subject("easy", Side()))).score == pytest.approx(0.0, abs=1e-3)


needs_model = pytest.mark.skipif(not installed(), reason="the extra `embeddings` is not installed")


@needs_model
async def test_the_real_model_tells_likes_from_unlikes_in_several_languages():
    local = encoder()
    assert encoder() is local
    vectors = local.embed(["What is the weather today?", "Prove that the square root of two is irrational"])
    assert {len(v) for v in vectors} == {512}
    classifier = EmbeddingClassifier(LADDER, Looks(Examples([[v] for v in vectors])), local=local)
    for question, language in (("Wie wird das Wetter morgen?", "de"), ("¿Qué tiempo hace hoy?", "es")):
        assert (await said(classifier, subject(question, language=language))).score < 0.3
    for question in (
        "Show that the cube root of three is irrational",
        "Beweise, dass Wurzel 2 irrational ist",
    ):
        assert (await said(classifier, subject(question))).score > 0.7


@needs_model
async def test_the_real_model_takes_whatever_text_there_is(monkeypatch):
    local = encoder()
    odd = ["\ud800 half of a pair", "\x00\x00", "a" * 600, "\n \t", "\U0001f600" * 50]
    assert all(math.isfinite(x) for v in local.embed(odd) for x in v)
    monkeypatch.setattr(embedding_local, "MAX_WAITING", 0)
    assert local.submit("one too many") is None


def test_without_the_extra_the_model_says_so(monkeypatch):
    def missing(name):
        raise ImportError(name)

    monkeypatch.setattr(embedding_local, "import_module", missing)
    with pytest.raises(ImportError):
        LocalEncoder()
