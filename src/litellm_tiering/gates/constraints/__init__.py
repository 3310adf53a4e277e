"""What a prompt demands of the answer that a program can check, and whether the answer keeps to it."""

from litellm_tiering.gates.constraints.checks import check
from litellm_tiering.gates.constraints.gate import ConstraintsGate
from litellm_tiering.gates.constraints.kinds import Demands, Finding, Kind, Want
from litellm_tiering.gates.constraints.reading import read_demands

__all__ = ["ConstraintsGate", "Demands", "Finding", "Kind", "Want", "check", "read_demands"]
