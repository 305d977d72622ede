"""The services that all campaigns' drivers share: the records, the API server, the subjects, the clock."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime

from controller.agents.deployment import AgentDeployment
from controller.agents.protocol import FilePolicy
from controller.agents.sources import AgentSources, TokenIssuer
from controller.api import CampaignSpec, Reset
from controller.authorization import DEFAULT_KEYS, OptInKeys, missing_authorization
from controller.campaign.limits import DEFAULT_ACTIVE, ChangeNotifier, NamespaceLimits
from controller.campaign.locks import LockQueue
from controller.campaign.reporting import EventRecorder, StatusWriter
from controller.kube import CampaignRef, KubeApi, KubeCampaigns, KubeCluster, KubeDeployments, KubeReviews
from controller.meter import UNMETERED, Meter
from controller.records import Records
from subjects.guard import GuardedCluster
from subjects.protocol import SubjectContext, SubjectFactory, SubjectOptions


@dataclass(slots=True)
class Services:
    """One object for the process.

    `now` is the one clock, in UTC. `namespace` is the controller's own. `agent_files` bounds which files of agents may
    be read, `active_campaigns` how many campaigns of one namespace are active at a time.
    """

    api: KubeApi
    records: Records
    subjects: Mapping[str, SubjectFactory]
    images: Mapping[str, str]
    now: Callable[[], datetime]
    tokens: TokenIssuer | None = None
    meter: Meter = UNMETERED
    opt_in: OptInKeys = DEFAULT_KEYS
    namespace: str = "evalcampaign"
    agent_files: FilePolicy | None = None
    active_campaigns: int = DEFAULT_ACTIVE
    limits: NamespaceLimits = field(init=False)
    namespace_changes: ChangeNotifier = field(init=False)
    queue: LockQueue = field(init=False)
    kube: KubeCampaigns = field(init=False)
    deployments: KubeDeployments = field(init=False)
    reviews: KubeReviews = field(init=False)
    sources: AgentSources = field(init=False)

    def __post_init__(self) -> None:
        self.limits = NamespaceLimits(self.active_campaigns)
        self.namespace_changes = ChangeNotifier()
        self.queue = LockQueue(self.records, self.now)
        self.kube = KubeCampaigns(self.api)
        self.deployments = KubeDeployments(self.api)
        self.reviews = KubeReviews(self.api)
        self.sources = AgentSources(self.records, self.now, self.tokens, self.agent_files)

    def context(self, spec: CampaignSpec, campaign_namespace: str) -> SubjectContext:
        """Returns what a subject of this campaign works with. Its cluster refuses changes that are not permitted."""
        namespace = spec.subject.namespace

        async def refuses() -> str | None:
            stated = await self.kube.read_namespace(namespace)
            refusal = missing_authorization(stated, campaign_namespace, self.opt_in)
            return refusal.message if refusal is not None else None

        api, allow_recreate = KubeCluster(self.api), spec.reset is Reset.RECREATE
        cluster = GuardedCluster(api, refuses, spec.allow_quorum_loss, allow_recreate)
        return SubjectContext(cluster, namespace, self.now, self.images, subject_options(spec))

    def status_writer(self, campaign: CampaignRef) -> StatusWriter:
        """Returns what writes this campaign's status."""
        return StatusWriter(self.kube, campaign, self.meter)

    def event_recorder(self, campaign: CampaignRef) -> EventRecorder:
        """Returns what posts this campaign's Events."""
        return EventRecorder(self.kube, campaign)

    def workload(self, spec: CampaignSpec) -> AgentDeployment | None:
        """Returns the agent's Deployment, where the campaign names one."""
        named = spec.agent.workload
        return AgentDeployment(self.deployments, named.namespace, named.name) if named.name else None

    async def close(self) -> None:
        """Closes the connections to the API server and the records."""
        await self.api.close()
        await self.records.close()


def subject_options(spec: CampaignSpec) -> SubjectOptions:
    """Returns what the spec says of the subject, as subjects take it. Pure."""
    return SubjectOptions(
        probe=spec.subject.probe.value,
        selectors=spec.subject.selectors,
        endpoints=spec.subject.endpoints,
        tls_secret=spec.subject.tls_secret or None,
        reset=spec.reset.value,
    )
