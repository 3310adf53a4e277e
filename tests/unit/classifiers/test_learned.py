from __future__ import annotations

import math
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st
from learned_kit import BUCKETS, arrays_of, header_of, model_file, subject_of

from litellm_tiering import weights
from litellm_tiering.classifiers.chain import Chain
from litellm_tiering.classifiers.conditions import Condition
from litellm_tiering.classifiers.heuristic import HeuristicClassifier
from litellm_tiering.classifiers.learned import LearnedClassifier
from litellm_tiering.classifiers.learned_features import NAMES
from litellm_tiering.classifiers.learned_model import UNFAMILIAR, Calibration, RouterModel
from litellm_tiering.classifiers.rules import Rule, RulesClassifier
from litellm_tiering.config.build import build
from litellm_tiering.config.load import load
from litellm_tiering.core.ladder import Ladder, Tier
from litellm_tiering.errors import BadModel, ConfigError

TWO = Ladder([Tier("simple", "small"), Tier("complex", "large")])
THREE = Ladder([Tier("simple", "small"), Tier("moderate", "medium"), Tier("complex", "large")])


@pytest.fixture
def model(tmp_path):
    return RouterModel.load(model_file(tmp_path / "router.json"))


def ask(model, text, ladder=TWO, **body):
    return LearnedClassifier(model, ladder).classify(subject_of(text, **body))


def test_the_score_is_the_calibrated_gain_and_longer_questions_score_higher(model):
    short, long = ask(model, "What is a noun?"), ask(model, "What is a noun? " * 20)
    # base .5, a tenth of log(1 + 4 words), on the line from (0, 0) to (1, .5).
    raw = 0.5 + 0.1 * math.log1p(4)
    assert short.score == pytest.approx(0.5 * raw + 1e-4 * raw, abs=1e-6)
    assert long.score > short.score
    assert short.signals == {"gain:complex": short.score}
    assert (short.by, short.rank) == ("learned", None)


def test_a_word_it_knows_counts_and_counts_less_among_many_others(model):
    plain = ask(model, "Show that seven is odd").score
    alone = ask(model, "Prove that seven is odd").score
    among = ask(
        model, "Prove that seven is odd, and say who first wrote it down, in which book and where"
    ).score
    assert plain < alone
    assert among < alone


def test_a_use_case_it_knows_counts(model):
    assert (
        ask(model, "What is a noun?", metadata={"use_case": "faq"}).score
        < ask(model, "What is a noun?").score
    )
    other = ask(model, "What is a noun?", metadata={"use_case": "other"})
    assert other.score == ask(model, "What is a noun?").score


def test_a_rule_that_bounds_counts_where_the_model_learned_of_it(model, tmp_path):
    rules = RulesClassifier([Rule("long", Condition(any_keyword=("noun",)), floor=0)], TWO)
    subject = subject_of("What is a noun?")
    bare = LearnedClassifier(model, TWO).classify(subject).score
    assert LearnedClassifier(model, TWO, rules=rules).classify(subject).score > bare
    other = subject_of("What is a verb?")
    assert LearnedClassifier(model, TWO, rules=rules).classify(other).score == bare
    header = header_of(groups=["use_case:faq", "tag:x"])
    deaf = RouterModel.load(model_file(tmp_path / "deaf.json", header))
    assert LearnedClassifier(deaf, TWO, rules=rules).classify(subject).score == bare


def test_a_system_prompt_counts_by_its_words(model, tmp_path):
    strong = arrays_of()["words:0"]
    tuned = RouterModel.load(model_file(tmp_path / "m.json", **{"words:0": [abs(w) + 0.5 for w in strong]}))
    messages = [{"role": "system", "content": "You sort mail."}, {"role": "user", "content": "A letter came"}]
    subject = subject_of("", messages=messages)
    with_system = LearnedClassifier(tuned, TWO).classify(subject).score
    assert with_system != LearnedClassifier(tuned, TWO).classify(subject_of("A letter came")).score


def test_without_text_it_has_no_opinion(model):
    assert ask(model, "") is None


def test_a_greeting_scores_at_the_bottom_whatever_came_before(model):
    turns = ["Prove that there are infinitely many primes", "By Euclid …", "thanks a lot!"]
    messages = [{"role": ("user", "assistant")[i % 2], "content": t} for i, t in enumerate(turns)]
    assert (
        LearnedClassifier(model, TWO).classify(subject_of("", messages=messages)).score <= model.quantiles[0]
    )


def test_what_is_unlike_the_training_data_is_left_to_the_next(tmp_path):
    known = model_file(tmp_path / "known.json", header_of(novelty=[1.0, 1.0]))
    strange = model_file(tmp_path / "strange.json", header_of(novelty=[0.2, 0.25]))
    subject = subject_of("What is a noun?")
    for path, by in ((known, "learned"), (strange, "heuristic")):
        learned = LearnedClassifier(RouterModel.load(path), TWO)
        found = Chain([learned, HeuristicClassifier(TWO)], TWO).classify(subject)
        assert found.by == by
        # The score is kept for those who put requests in order.
        assert found.opinions[0].score == learned.classify(subject).score


def test_the_confidence_falls_as_words_grow_rarer(tmp_path):
    found = []
    for rarity in (1.0, 3.5, 4.0, 4.9, 5.5, 7.0):
        path = model_file(tmp_path / "m.json", idf=[rarity] * BUCKETS)
        found.append(ask(RouterModel.load(path), "What is a noun?").confidence)
    assert found[0] == 1.0
    assert found[2] == pytest.approx(UNFAMILIAR)
    assert found[-1] == 0.0
    assert all(a >= b for a, b in pairwise(found))


def test_each_step_of_the_ladder_has_its_gain_and_the_score_is_their_mean(tmp_path):
    header = header_of(2)
    header["calibration"] = [[[0.0, 0.0], [1.0, 1.0]], [[0.0, 0.2], [1.0, 0.2]]]
    model = RouterModel.load(model_file(tmp_path / "m.json", header))
    found = ask(model, "What is a noun?", THREE)
    assert list(found.signals) == ["gain:moderate", "gain:complex"]
    assert found.signals["gain:complex"] == pytest.approx(0.2, abs=1e-3)
    assert found.score == pytest.approx(sum(found.signals.values()) / 2)
    assert list(ask(model, "What is a noun?", TWO).signals) == ["gain:1", "gain:2"]


def test_a_ladder_of_another_size_gets_thresholds_spread_around_the_trained_ones(model):
    assert LearnedClassifier(model, TWO).thresholds == (0.2,)
    low, high = LearnedClassifier(model, THREE).thresholds
    assert low < 0.2 < high
    five = model.thresholds_for(5)
    assert len(five) == 4
    assert all(a < b for a, b in pairwise(five))


def test_thresholds_rise_even_where_all_scores_are_the_same(tmp_path):
    model = RouterModel.load(model_file(tmp_path / "m.json", header_of(quantiles=[0.3] * 101)))
    assert all(a < b for a, b in pairwise(model.thresholds_for(6)))


def test_thresholds_that_do_not_fit_the_ladder_are_refused(model):
    with pytest.raises(ValueError, match="need 2 thresholds"):
        LearnedClassifier(model, THREE, [0.1])


def test_a_calibration_keeps_the_order_where_the_gain_is_flat_and_beyond_its_ends():
    line = Calibration([(0.0, 0.1), (1.0, 0.1), (2.0, 0.5)])
    found = [line(x / 10) for x in range(-20, 50)]
    assert all(a < b for a, b in pairwise(found))
    assert line(1.5) == pytest.approx(0.3, abs=1e-3)
    for points in ([], [(0.0, 1.0), (0.0, 2.0)], [(0.0, 1.0), (1.0, 0.5)]):
        with pytest.raises(ValueError, match="rise"):
            Calibration(points)


@given(st.lists(st.floats(-3, 3), min_size=2, max_size=30, unique=True))
def test_a_calibration_never_swaps_two_requests(raws):
    line = Calibration([(-1.0, 0.0), (0.0, 0.0), (1.0, 0.2), (2.5, 0.2)])
    ordered = [line(x) for x in sorted(raws)]
    assert all(a <= b for a, b in pairwise(ordered))


FAULTS = {
    "other features": ({"features": 2}, {}, "other features"),
    "no features": ({"features": None}, {}, "no whole number `features`"),
    "no steps": ({"steps": 0}, {}, "`steps`"),
    "too many steps": ({"steps": 10}, {}, "`steps`"),
    "buckets": ({"buckets": 63}, {}, "no power of two"),
    "many buckets": ({"buckets": 1 << 17}, {}, "`buckets`"),
    "groups": ({"groups": "faq"}, {}, "no list of names"),
    "group names": ({"groups": [1, 2]}, {}, "no list of names"),
    "many groups": ({"groups": [str(n) for n in range(300)]}, {}, "no list of names"),
    "a group twice": ({"groups": ["a", "a"]}, {}, "a group twice"),
    "thresholds": ({"thresholds": []}, {}, "`thresholds` are not 1 numbers"),
    "threshold": ({"thresholds": ["0.2"]}, {}, "`thresholds` are not 1 numbers"),
    "quantiles": ({"quantiles": [0.0] * 100}, {}, "`quantiles` are not 101 numbers"),
    "falling": ({"quantiles": [1.0] * 100 + [0.0]}, {}, "`quantiles` do not rise"),
    "huge": ({"quantiles": [0.0] * 100 + [1e300]}, {}, "`quantiles` are not"),
    "novelty": ({"novelty": [2.0, 1.0]}, {}, "`novelty` do not rise"),
    "no novelty": ({"novelty": None}, {}, "`novelty` are not 2 numbers"),
    "flag": ({"novelty": [True, 1]}, {}, "`novelty` are not 2 numbers"),
    "calibration": ({"calibration": []}, {}, "no calibration for 1 steps"),
    "empty line": ({"calibration": [[]]}, {}, "no list of a few points"),
    "long line": ({"calibration": [[[float(n), 0.0] for n in range(65)]]}, {}, "no list of a few points"),
    "no points": ({"calibration": [[1, 2]]}, {}, "no list of a few points"),
    "three": ({"calibration": [[[1, 2, 3]]]}, {}, "no list of a few points"),
    "falls": ({"calibration": [[[0, 1], [1, 0]]]}, {}, "calibration does not rise"),
    "means": ({}, {"means": [0.0]}, f"1 numbers and not {len(NAMES)}"),
    "scales": ({}, {"scales": []}, "`scales`"),
    "idf": ({}, {"idf": [1.0] * 32}, "`idf`"),
    "words": ({}, {"words:0": [1.0] * 32}, "`words:0`"),
    "group weights": ({}, {"groups:0": [1.0]}, "`groups:0`"),
    "base": ({}, {"base": [1.0, 2.0]}, "`base`"),
    "large": ({}, {"base": [1e9]}, "larger than any training"),
}


@pytest.mark.parametrize(("header", "arrays", "said"), FAULTS.values(), ids=FAULTS)
def test_a_model_that_does_not_hold_together_is_refused(tmp_path, header, arrays, said):
    path = tmp_path / "router.json"
    weights.write(path, "router", header_of() | header, arrays_of() | arrays)
    with pytest.raises(BadModel, match=said) as found:
        RouterModel.load(path)
    assert "router.json" in str(found.value)
    assert "litellm-tiering train" in str(found.value)


def test_weights_that_are_missing_are_refused(tmp_path):
    arrays = arrays_of()
    del arrays["words:0"]
    weights.write(tmp_path / "m.json", "router", header_of(), arrays)
    with pytest.raises(BadModel, match="no weights `words:0`"):
        RouterModel.load(tmp_path / "m.json")


CONFIG = """\
tiering:
  tiers: [{name: simple, model: small}, {name: complex, model: large}]
  store: {url: "memory://"}
  classifiers:
    - {kind: rules, rules: [{name: long, when: {min_tokens: 50000}, min_tier: complex}]}
    - kind: learned
      path: models/router.json
    - {kind: heuristic}
"""


def test_a_path_is_meant_from_the_configuration_files_directory(tmp_path):
    (tmp_path / "config.yaml").write_text(CONFIG)
    model_file(tmp_path / "models" / "router.json")
    loaded = load(tmp_path / "config.yaml", {})
    assert loaded.warnings == ()
    chain = build(loaded.config, base=loaded.base).chain
    assert chain.classify(subject_of("What is a noun?")).by == "learned"
    assert chain.classifiers[1].thresholds == (0.2,)


def test_thresholds_of_the_configuration_come_before_the_models(tmp_path):
    text = CONFIG.replace(
        "router.json", "router.json\n      thresholds: {complex: 0.05}\n      abstain_below: 0"
    )
    (tmp_path / "config.yaml").write_text(text)
    model_file(tmp_path / "models" / "router.json")
    loaded = load(tmp_path / "config.yaml", {})
    learned = build(loaded.config, base=loaded.base).chain.classifiers[1]
    assert (learned.thresholds, learned.abstain_below) == ((0.05,), 0)


def test_a_bad_file_is_a_configuration_error_with_its_line(tmp_path):
    (tmp_path / "config.yaml").write_text(CONFIG)
    with pytest.raises(ConfigError) as found:
        load(tmp_path / "config.yaml", {})
    (problem,) = found.value.problems
    assert problem.file.endswith("config.yaml:7")
    assert problem.path == "tiering.classifiers[1].path"
    assert "models/router.json cannot be read" in problem.message
    model_file(tmp_path / "models" / "router.json", header_of(features=9))
    with pytest.raises(ConfigError, match="other features"):
        load(tmp_path / "config.yaml", {})


def test_a_file_that_goes_bad_between_reading_and_building_is_a_configuration_error(tmp_path):
    # A reload keeps what it had on any ConfigError, so this is all that a proxy has to see.
    (tmp_path / "config.yaml").write_text(CONFIG)
    path = model_file(tmp_path / "models" / "router.json")
    loaded = load(tmp_path / "config.yaml", {})
    running = build(loaded.config, base=loaded.base)
    path.write_text("{")
    with pytest.raises(ConfigError, match="is not JSON") as found:
        build(loaded.config, base=loaded.base)
    assert "router.json" in str(found.value)
    assert running.chain.classify(subject_of("What is a noun?")).by == "learned"


def test_a_model_of_another_ladder_is_told_of_but_works(tmp_path):
    tiers = "[{name: simple, model: small}, {name: moderate, model: medium}, {name: complex, model: large}]"
    text = CONFIG.replace("[{name: simple, model: small}, {name: complex, model: large}]", tiers)
    (tmp_path / "config.yaml").write_text(text)
    model_file(tmp_path / "models" / "router.json")
    loaded = load(tmp_path / "config.yaml", {})
    (warning,) = loaded.warnings
    assert "trained for 2 tiers, and there are 3" in warning.message
    assert (
        build(loaded.config, base=loaded.base).chain.classify(subject_of("What is a noun?")).by == "learned"
    )
