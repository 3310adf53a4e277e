"""What names a policy: its settings, and the content of the models that it decides by."""

from __future__ import annotations

from litellm_tiering import weights
from litellm_tiering.config.fingerprint import models_of, policy_hash
from litellm_tiering.config.schema import TieringSection

GATE = {"kind": "all", "gates": [{"kind": "acceptable", "path": "gate.json"}]}
TIERS = [{"name": "simple", "model": "small"}, {"name": "complex", "model": "large"}]
CONFIG = TieringSection.model_validate({"tiers": TIERS, "cascade": {"gates": [GATE]}})


def test_a_model_trained_anew_under_its_name_makes_another_policy(tmp_path):
    weights.write(tmp_path / "gate.json", "gate", {"sources": []}, {"w": [0.5]})
    before = policy_hash(CONFIG, tmp_path)
    assert policy_hash(CONFIG, tmp_path) == before
    weights.write(tmp_path / "gate.json", "gate", {"sources": []}, {"w": [0.25]})
    assert policy_hash(CONFIG, tmp_path) != before


def test_a_model_that_is_not_there_is_somebody_elses_error(tmp_path):
    assert len(policy_hash(CONFIG, tmp_path)) == 12


def test_models_are_found_in_gates_of_gates():
    assert list(models_of(CONFIG)) == [("gate", "gate.json")]
    assert list(models_of(CONFIG, gates=False)) == []
