"""What a peer does that hears from the leader of its term: take over the log, and learn what is committed."""

from __future__ import annotations

from typing import TYPE_CHECKING

from .machine import Role
from .message import Message

if TYPE_CHECKING:
    from .peer import Peer


def follow(peer: Peer, message: Message) -> None:
    """An append, a heartbeat or a snapshot."""
    if peer.role is not Role.FOLLOWER or peer.leader != message.sender:
        peer.become_follower(message.term, message.sender)
    peer.heard()
    if message.kind == "heartbeat":
        peer.commit(min(message.commit, peer.log.last_index))
        peer.answer(message, "heartbeat_reply")
    elif message.kind == "snapshot":
        if message.index > peer.log.commit:
            peer.log.install(message.index, message.log_term)
            peer.log.facts.append(["state", message.state])
            peer.machine.install(message.state)
            peer.applied = message.index
        peer.answer(message, "append_reply", index=peer.log.commit)
    elif message.index < peer.log.commit:
        peer.answer(message, "append_reply", index=peer.log.commit)
    elif peer.log.term_at(message.index) != message.log_term:
        peer.answer(message, "append_reply", index=min(message.index, peer.log.last_index), reject=True)
    else:
        peer.log.append(message.entries)
        last = message.entries[-1].index if message.entries else message.index
        peer.commit(min(message.commit, last))
        peer.answer(message, "append_reply", index=last)
    peer.log.compact(min(message.compact, peer.applied))
