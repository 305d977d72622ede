"""What a member answers by itself, leader or not."""

from __future__ import annotations

from typing import TYPE_CHECKING

from .. import VERSION
from .api import Answer, Http, Survey
from .api.routes import NOT_BOOTSTRAPPED, V1

if TYPE_CHECKING:
    from .member import Member


def local_answer(member: Member, question: Http) -> Answer | Survey:
    match question.path.removeprefix(V1):
        case "/ping":
            return Answer(200, text="")
        case "/status":
            told = {"build_ts": "None", "version": f"v{VERSION}", "git_hash": "None"}
            return Answer(200, {**told, "start_timestamp": int(member.started)})
        case "/version":
            return Answer(200, {"version": f"v{VERSION}"})
        case "/config":
            return Answer(200, member.machine.agreed["config"])
        case "/health":
            if not member.raft.leader:
                return Answer(500, "context deadline exceeded")
            known = [member.peers.brief(name) for name in member.peers.listed()]
            fields = ("name", "member_id", "client_urls")
            return Survey(tuple({field: about[field] for field in fields} for about in known))
    loaded = member.leader() is not None
    verbose = {"region_loaded": loaded} if "verbose" in question.query else None
    return Answer(200 if loaded else 500, verbose, None if verbose else "")


def followers_answer(member: Member, question: Http) -> Answer:
    """A member that does not lead runs no cluster, and says so of all that is about stores and regions."""
    match question.path.removeprefix(V1):
        case "/members" if member.raft.leader:
            return Answer(200, member.members_info())
        case "/leader" if member.raft.leader:
            return Answer(200, member.leader_info())
    return Answer(500, NOT_BOOTSTRAPPED)
