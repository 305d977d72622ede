"""Where things are, and what the environment may change. Read once, at import."""

import os
from pathlib import Path

REPO = Path(__file__).resolve().parent.parent
CACHE = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "evalcampaign"
LOGS = CACHE / "logs"

# Tests bring their own name, so that a cluster someone works with is never theirs to break.
CLUSTER = os.environ.get("EVALCAMPAIGN_CLUSTER", "evalcampaign")
CONTEXT = f"kind-{CLUSTER}"

# auto | registry | built: see cluster/node/choice.py
NODE_IMAGE = os.environ.get("EVALCAMPAIGN_NODE_IMAGE", "auto")

# auto | real | standin: see cluster/deployment/subjects/tikv/choice.py
TIKV_IMAGE = os.environ.get("EVALCAMPAIGN_TIKV_IMAGE", "auto")

# How long bootstrap.sh took to make the virtualenv that this runs in, just now; 0 when it was there.
VIRTUALENV_SECONDS = float(os.environ.get("EVALCAMPAIGN_VIRTUALENV_SECONDS") or 0)

# Where Debian's packages come from; unset: from where this machine's own apt gets them.
DEBIAN_MIRROR = os.environ.get("EVALCAMPAIGN_DEBIAN_MIRROR")
