"""The stand-in's image, which is both PD and TiKV."""

from cluster.deployment.derived import Derived
from cluster.settings import REPO

NAME = "evalcampaign/tikv-standin"
IMAGE = Derived(NAME, REPO / "tests" / "standin")
