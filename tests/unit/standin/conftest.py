"""A simulated cluster to work on."""

from __future__ import annotations

import pytest

from tests.support.standin.cluster import Cluster


@pytest.fixture
def cluster() -> Cluster:
    """Three of each, five regions of three replicas, all led by the first store; a quarter of a minute old."""
    cluster = Cluster(seed=7)
    cluster.start()
    cluster.world.run(15)
    return cluster
