"""The roles for people on a real API server: what each may, and how an author comes by a token, and by no other."""

from __future__ import annotations

import asyncio
import json
import socket
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass
from pathlib import Path

import pytest

from cluster.apiserver.kubectl import Kubectl
from controller.agents.intake.tokens import TokenExchange, TokenSecrets
from controller.cli.cluster.api import Api
from controller.cli.cluster.campaigns import Campaigns
from controller.cli.cluster.errors import CommandFailed, Refused
from controller.cli.run import tokens
from controller.kube import KubeApi
from controller.reading.remote import RemoteReader
from controller.reading.server import serving_records
from controller.records.errors import NotRecorded, RecordsUnavailable
from controller.tokens import ANNOTATION, digest_of, secret_name
from tests.apiserver.campaigns import campaign
from tests.apiserver.conftest import CONTROLLER_NAMESPACE, KubectlAs
from tests.support.ports import free_port

pytestmark = pytest.mark.usefixtures("shipped")

ROLES = ("reader", "author", "operator")
CAMPAIGNS = "evalcampaigns.evalcampaign.dev"


@dataclass
class People:
    """One of each role for one namespace of campaigns."""

    namespace: str
    as_: KubectlAs

    def user(self, role: str) -> str:
        return f"system:serviceaccount:{self.namespace}:{role}"

    def kubectl(self, role: str) -> Kubectl:
        return self.as_(self.namespace, role)


@pytest.fixture
def people(kubectl: Kubectl, kubectl_as: KubectlAs, namespace: str) -> People:
    """As docs/running.md binds them."""
    for role in ROLES:
        to = f"--serviceaccount={namespace}:{role}"
        inside = "evalcampaign-operator" if role == "operator" else "evalcampaign-records"
        kubectl("create", "serviceaccount", role, "-n", namespace)
        kubectl("create", "rolebinding", role, f"--clusterrole=evalcampaign-{role}", to, "-n", namespace)
        kubectl("create", "rolebinding", f"{namespace}-{role}", f"--role={inside}", to, "-n", CONTROLLER_NAMESPACE)
    return People(namespace, kubectl_as)


MAY = {
    "reader": {"get", "list", "watch"},
    "author": {"get", "list", "watch", "create", "patch", "update", "delete"},
    "operator": {"get", "list", "watch", "patch", "update", "delete"},
}


def test_each_may_what_its_name_says_in_its_namespace_and_nothing_elsewhere(kubectl: Kubectl, people: People) -> None:
    for role, allowed in MAY.items():
        who = people.user(role)
        verbs = ("get", "list", "watch", "create", "patch", "update", "delete", "deletecollection")
        assert {verb for verb in verbs if kubectl.may(who, verb, CAMPAIGNS, "-n", people.namespace)} == allowed, role
        for verb in verbs:
            assert not kubectl.may(who, verb, CAMPAIGNS, "-n", "default"), (role, verb)
        assert not kubectl.may(who, "patch", CAMPAIGNS, "--subresource=status", "-n", people.namespace)
        assert not kubectl.may(who, "patch", "pods", "-n", "tikv")


def test_all_read_the_records_and_none_reads_a_secret_and_only_the_operator_runs_what_is_in_the_pod(
    kubectl: Kubectl, people: People
) -> None:
    inside = ("-n", CONTROLLER_NAMESPACE)
    for role in ROLES:
        who = people.user(role)
        for verb in ("get", "create"):
            assert kubectl.may(who, verb, "pods", "--subresource=portforward", *inside)
        assert kubectl.may(who, "list", "pods", *inside)
        assert kubectl.may(who, "get", "services/evalcampaign-intake", *inside)
        assert not any(kubectl.may(who, verb, "secrets", *inside) for verb in ("get", "list", "watch", "create"))
        assert kubectl.may(who, "create", "pods", "--subresource=exec", *inside) == (role == "operator")
        assert not kubectl.may(who, "delete", "pods", *inside)


def test_they_are_bound_to_nobody_and_part_of_no_role_of_kubernetes(kubectl: Kubectl) -> None:
    for role in ROLES:
        labels = kubectl.json("get", "clusterrole", f"evalcampaign-{role}")["metadata"].get("labels", {})
        assert not any("aggregate" in label for label in labels)
    bindings = kubectl.json("get", "clusterrolebindings")["items"]
    names = {f"evalcampaign-{role}" for role in ROLES}
    assert [each["metadata"]["name"] for each in bindings if each["roleRef"]["name"] in names] == []


# The token -----------------------------------------------------------------------------------------------------------


@pytest.fixture
async def controller(controller_kubeconfig: Path, tmp_path: Path) -> AsyncIterator[tuple[TokenSecrets, int]]:
    """What of the controller makes tokens and hands them out, with the controller's rights; and its port."""
    api = await KubeApi.connect(controller_kubeconfig)
    secrets = TokenSecrets(api, CONTROLLER_NAMESPACE)
    url = f"sqlite:///{tmp_path}/records.db"
    async with serving_records(url, free_port(), TokenExchange(api, secrets).exchange) as port:
        assert port is not None
        yield secrets, port
    await api.close()


@pytest.fixture
def forwarded(controller: tuple[TokenSecrets, int], monkeypatch: pytest.MonkeyPatch) -> Callable[[], object]:
    """There is no kubelet here that forwards a port: the way to it is a plain one."""

    def dial(*_: object) -> object:
        return socket.create_connection(("127.0.0.1", controller[1]))

    monkeypatch.setattr(tokens, "find_pod", lambda api: "the-controller")
    monkeypatch.setattr(tokens, "forward", dial)
    return dial


def campaigns_as(people: People, role: str, monkeypatch: pytest.MonkeyPatch) -> Campaigns:
    monkeypatch.setenv("KUBECONFIG", str(people.kubectl(role).kubeconfig))
    return Campaigns(Api.connect(), people.namespace)


def annotations(kubectl: Kubectl, people: People) -> dict[str, str]:  # type: ignore[no-redef]
    found = kubectl.json("get", "ec", "asked", "-n", people.namespace)["metadata"].get("annotations", {})
    return {key: value for key, value in found.items() if "last-applied" not in key}


@pytest.fixture
async def token(controller: tuple[TokenSecrets, int], kubectl: Kubectl, people: People) -> str:
    """Of the campaign `asked`, which its author made."""
    people.kubectl("author").apply(campaign(people.namespace))
    uid = kubectl.json("get", "ec", "asked", "-n", people.namespace)["metadata"]["uid"]
    return await controller[0].ensure(uid)


@pytest.mark.parametrize("role", ["author", "operator"])
async def test_who_may_change_a_campaign_is_given_its_token_and_reads_no_secret(
    forwarded: object, people: People, token: str, kubectl: Kubectl, monkeypatch: pytest.MonkeyPatch, role: str
) -> None:
    campaigns = campaigns_as(people, role, monkeypatch)
    with pytest.raises(Refused):
        campaigns.api.get(f"/api/v1/namespaces/{CONTROLLER_NAMESPACE}/secrets/{secret_name('x')}")
    assert await asyncio.to_thread(lambda: tokens.read(campaigns, campaigns.get("asked"))) == token
    assert annotations(kubectl, people) == {}, "nothing is left on the campaign"  # type: ignore[operator]


async def test_who_may_only_look_at_it_is_not(
    forwarded: object, people: People, token: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    campaigns = campaigns_as(people, "reader", monkeypatch)
    with pytest.raises(Refused, match="cannot patch resource"):
        await asyncio.to_thread(lambda: tokens.read(campaigns, campaigns.get("asked")))


async def test_who_may_read_secrets_needs_no_controller(
    people: People, token: str, kubectl: Kubectl, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("KUBECONFIG", str(kubectl.kubeconfig))
    campaigns = Campaigns(Api.connect(), people.namespace)
    assert await asyncio.to_thread(lambda: tokens.read(campaigns, campaigns.get("asked"))) == token


async def test_a_campaign_without_a_token_says_so(
    forwarded: object, people: People, monkeypatch: pytest.MonkeyPatch
) -> None:
    people.kubectl("author").apply(campaign(people.namespace))
    campaigns = campaigns_as(people, "author", monkeypatch)
    with pytest.raises(CommandFailed, match="made no token for this campaign"):
        await asyncio.to_thread(lambda: tokens.read(campaigns, campaigns.get("asked")))


PROOF = "p" * 43


@pytest.mark.parametrize(
    "stated",
    [None, "", PROOF, digest_of(PROOF)[:-1], digest_of("q" * 43), digest_of(PROOF).upper()],
    ids=["nothing", "empty", "the secret itself", "a part", "another's", "in capitals"],
)
async def test_nobody_is_given_a_token_whose_digest_does_not_stand_on_that_campaign(
    forwarded: Callable[[], object], people: People, token: str, kubectl: Kubectl, stated: str | None
) -> None:
    patch = json.dumps({"metadata": {"annotations": {ANNOTATION: stated}}})
    kubectl("patch", "ec", "asked", "-n", people.namespace, "--type=merge", "-p", patch)
    reader = RemoteReader(forwarded, "the test")
    for name in ("asked", "another", "asked,metadata.namespace!=x", "asked?limit=1"):
        with pytest.raises(RecordsUnavailable, match="HTTP 403"):
            await asyncio.to_thread(reader.token, people.namespace, name, PROOF)
    with pytest.raises(NotRecorded):  # no such page
        await asyncio.to_thread(reader.token, people.namespace, "../asked", PROOF)
    reader.close()


async def test_a_proof_is_good_for_its_own_campaign_alone_and_a_short_one_for_none(
    forwarded: Callable[[], object], people: People, token: str, kubectl: Kubectl
) -> None:
    kubectl.apply(campaign(people.namespace, "mine"))
    short = "p" * 16
    reader = RemoteReader(forwarded, "the test")
    for proof in (PROOF, short):
        patch = json.dumps({"metadata": {"annotations": {ANNOTATION: digest_of(proof)}}})
        kubectl("patch", "ec", "mine", "-n", people.namespace, "--type=merge", "-p", patch)
        with pytest.raises(RecordsUnavailable, match="403"):
            await asyncio.to_thread(reader.token, people.namespace, "asked", proof)
    with pytest.raises(RecordsUnavailable, match="403"):
        await asyncio.to_thread(reader.token, people.namespace, "mine", short)
    reader.close()
