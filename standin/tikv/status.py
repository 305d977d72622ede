"""What a store's status port says of a region: the shape of `GET :20180/region/ID`."""

from __future__ import annotations

from typing import Any

from ..raft.leadership import Progress
from ..raft.peer import Peer
from ..region import Place, Region


def region_status(region: Region, peer: Peer) -> dict[str, Any]:
    log = peer.log
    progress = peer.leadership.progress if peer.leadership is not None else {}
    commit_term = log.term_at(log.commit)
    return {
        "group_state": "Ordered",
        "raft_status": {
            "id": peer.id,
            "hard_state": {"term": log.term, "vote": log.vote, "commit": log.commit},
            "soft_state": {"leader_id": peer.leader, "raft_state": str(peer.role)},
            "applied": peer.applied,
            "voters": {str(p.id): _progress(progress[p.id]) for p in region.peers if p.id in progress},
            "learners": {},
            "last_index": log.last_index,
            "persisted_index": log.last_index,
        },
        "raft_apply": {
            "applied_index": peer.applied,
            "commit_index": log.commit,
            "commit_term": commit_term if commit_term is not None else log.base_term,
            "truncated_state": {"index": log.base_index, "term": log.base_term},
        },
        "region_state": {
            "id": region.id,
            "start_key": list(bytes.fromhex(region.start)),
            "end_key": list(bytes.fromhex(region.end)),
            "epoch": {"conf_ver": region.conf_ver, "version": region.version},
            "peers": [_peer(place) for place in region.peers],
            "merge_state": None,
            "tablet_index": 0,
        },
        "bucket_keys": [],
    }


def _progress(progress: Progress) -> dict[str, Any]:
    return {
        "matched": progress.matched,
        "next_idx": progress.next,
        "state": "Snapshot" if progress.snapshot else "Probe" if progress.probing else "Replicate",
        "paused": progress.paused,
        "pending_snapshot": 0,
        "pending_request_snapshot": 0,
        "recent_active": progress.active,
    }


def _peer(place: Place) -> dict[str, Any]:
    return {"id": place.id, "store_id": place.store, "role": "Voter", "is_witness": False}
