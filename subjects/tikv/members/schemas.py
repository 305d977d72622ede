"""What PD and TiKV answer over HTTP (v8.5), read into values. Pure.

Answers are hostile until read: any JSON, or none, may come. Reading is strict about the fields that the oracle needs
and ignores all others; what cannot be read becomes a message, never an exception. Two habits of PD matter: a field that
is absent means zero, and a region without a leader has an empty object for one.
"""

from __future__ import annotations

from typing import Annotated, Any, TypeVar

from pydantic import BaseModel, ConfigDict, Field, RootModel, ValidationError

from subjects.cluster import Answer

Number = Annotated[int, Field(ge=0, lt=2**64)]
Instant = Annotated[int, Field(ge=-(2**63), lt=2**63)]
Text = Annotated[str, Field(max_length=1024)]
Key = Annotated[str, Field(max_length=2**14)]


class _Schema(BaseModel):
    model_config = ConfigDict(frozen=True, extra="ignore", strict=True)


class Header(_Schema):
    """The beginning of every answer about the cluster."""

    cluster_id: Number


def pod_of_member(name: str) -> str:
    """Returns the pod of a member of PD.

    A member has its pod's name, or one that begins with it: TiDB Operator may name it in full.
    """
    return name.partition(".")[0]


class Member(_Schema):
    """A member of PD."""

    name: Text
    client_urls: list[Text] = Field(default_factory=list)
    binary_version: Text = ""

    @property
    def pod(self) -> str:
        """The pod that it runs in."""
        return pod_of_member(self.name)


class MemberList(_Schema):
    """PD's members, and the one that leads."""

    header: Header
    members: list[Member]
    leader: Member | None = None


class MemberHealth(_Schema):
    """Whether PD's leader reaches one of the members."""

    name: Text
    health: bool = False

    @property
    def pod(self) -> str:
        """The pod that it runs in."""
        return pod_of_member(self.name)


class MemberHealthList(RootModel[list[MemberHealth]]):
    """The health of all members."""


class Label(_Schema):
    """A label that somebody gave a store."""

    key: Text = ""
    value: Text = ""


class MetaStore(_Schema):
    """A store as it registered. `last_heartbeat`: when PD last got its heartbeat, in nanoseconds of PD's clock."""

    id: Number
    address: Text
    status_address: Text = ""
    version: Text = ""
    state_name: Text
    last_heartbeat: Instant = 0
    physically_destroyed: bool = False
    labels: list[Label] | None = None


class StoreStatus(_Schema):
    """What a store holds, by its last report to PD."""

    leader_count: Number = 0
    region_count: Number = 0


class StoreInfo(_Schema):
    """A store, as PD sees it."""

    store: MetaStore
    status: StoreStatus = Field(default_factory=StoreStatus)

    @property
    def host(self) -> str:
        """The first label of its address: the pod's name, where it runs in a StatefulSet."""
        return self.store.address.rpartition(":")[0].partition(".")[0]

    @property
    def of_tikv(self) -> bool:
        """Returns whether it is TiKV's. TiFlash registers with PD too, and holds replicas that never vote."""
        labels = self.store.labels or ()
        return not any(label.key == "engine" and label.value.startswith("tiflash") for label in labels)

    @property
    def up(self) -> bool:
        """Returns whether PD gets its heartbeats and wants it to stay."""
        return self.store.state_name == "Up"

    @property
    def is_tombstone(self) -> bool:
        """Returns whether it is only PD's record of a store that was removed."""
        return self.store.state_name == "Tombstone"

    @property
    def status_port(self) -> int | None:
        """Returns where it answers questions about itself; None where it does not say."""
        port = self.store.status_address.rpartition(":")[2]
        return int(port) if port.isascii() and port.isdecimal() else None


class Stores(_Schema):
    """All stores, in an order that changes from call to call."""

    stores: list[StoreInfo]

    def by_pod(self) -> dict[str, StoreInfo]:
        """Returns those that are no tombstones, by the name of the pod that they run in.

        Where a pod lost its data and registered again, the old store may still be on its way out: the newer one counts.
        """
        existing = (store for store in self.stores if not store.is_tombstone)
        return {store.host: store for store in sorted(existing, key=lambda store: (store.up, store.store.id))}


class Peer(_Schema):
    """A replica of a region on a store. `store_id` 0: none."""

    id: Number = 0
    store_id: Number = 0
    role_name: Text = "Voter"


class DownPeer(_Schema):
    """A replica that has not answered its leader for long."""

    peer: Peer


class Region(_Schema):
    """A range of keys (`start_key` inclusive, `end_key` exclusive, both hex; empty: open) and its replicas.

    `leader` is from the last report to PD: a dead store stays listed until a new leader reports.
    """

    id: Number
    start_key: Key = ""
    end_key: Key = ""
    peers: list[Peer] = Field(default_factory=list)
    leader: Peer | None = None
    down_peers: list[DownPeer] = Field(default_factory=list)
    pending_peers: list[Peer] = Field(default_factory=list)

    @property
    def led_by(self) -> int | None:
        """The id of the store that PD calls its leader."""
        return self.leader.store_id or None if self.leader is not None else None


class Regions(_Schema):
    """All regions."""

    regions: list[Region] | None = None

    def by_id(self) -> list[Region]:
        """Returns them in the order of their ids, which is the same in every answer."""
        return sorted(self.regions or (), key=lambda region: region.id)


class RegionCount(_Schema):
    """How many regions there are."""

    count: Number


class ClusterInfo(_Schema):
    """The cluster as PD describes it. `max_peer_count`: how many replicas every region should have."""

    id: Number
    max_peer_count: Number = 0


class NameList(RootModel[list[str] | None]):
    """A list of names, in an order that changes from call to call; null where there are none."""


class JsonList(RootModel[list[Any] | None]):
    """A list of which only the length matters; null where there are none."""


class Configuration(RootModel[dict[str, Any]]):
    """The configuration of PD or of a store: settings by name."""


class ClusterStatus(_Schema):
    """`is_initialized`: there is more than one region, or the only one has all its voters."""

    is_initialized: bool = False


class _SoftState(_Schema):
    raft_state: Text = ""


class _RaftStatus(_Schema):
    soft_state: _SoftState = Field(default_factory=_SoftState)


class RegionStatus(_Schema):
    """One region, as one store answers."""

    raft_status: _RaftStatus

    @property
    def leads(self) -> bool:
        """Returns whether the store calls itself the region's leader."""
        return self.raft_status.soft_state.raft_state == "Leader"


M = TypeVar("M", bound=BaseModel)


def read(model: type[M], answer: Answer) -> M | str:
    """Returns the answer as a value, or why it is none."""
    if answer.status != 200:
        return refusal(answer)
    try:
        return model.model_validate(answer.body)
    except (ValidationError, RecursionError) as error:
        return f"unexpected answer: {_first_problem(error)}"


def refusal(answer: Answer) -> str:
    """Returns why a request was refused, in PD's words where there are any."""
    if isinstance(answer.body, dict):
        words = answer.body.get("error") or answer.body.get("message")
    else:
        words = answer.body if isinstance(answer.body, str) else None
    return f"HTTP {answer.status}" + (f": {str(words).strip()[:200]}" if words else "")


def _first_problem(error: ValidationError | RecursionError) -> str:
    if isinstance(error, RecursionError):
        return "nested too deep"
    problem = error.errors(include_url=False, include_input=False, include_context=False)[0]
    where = ".".join(map(str, problem["loc"])) or "answer"
    return f"{where}: {problem['msg']}"
