"""The stand-in's image, which is both PD and TiKV."""

from cluster.deployment.derived import Derived
from cluster.settings import REPO

NAME = "local/tikv"
"""Plain: whoever may look at a pod reads it. That it is a stand-in is in the versions it tells (docs/standin.md)."""
FORMER_NAME = "evalcampaign/tikv-standin"
IMAGE = Derived(NAME, REPO / "standin")
