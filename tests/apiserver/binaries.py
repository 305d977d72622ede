"""The programs of this tier, which `python -m cluster tools --group tests` builds from pinned sources into the cache.

Without them the tier is skipped, with the reason; under `make test`, which builds them first, that would be a lie and
is a failure (EVALCAMPAIGN_REQUIRE=1).
"""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from cluster import tools

NEEDED = ("etcd", "kube-apiserver", "kubectl")


def require() -> dict[str, Path]:
    """The path of each program needed; ends the test as skipped or failed where one is missing."""
    paths = {name: tools.binary(name) for name in NEEDED}
    missing = [name for name, path in paths.items() if not path.exists()]
    if missing:
        reason = f"{', '.join(missing)} not built yet: run `python -m cluster tools --group tests`"
        if os.environ.get("EVALCAMPAIGN_REQUIRE") == "1":
            pytest.fail(reason, pytrace=False)
        pytest.skip(reason)
    return paths
