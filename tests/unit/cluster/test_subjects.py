"""What can be deployed to be broken."""

import pytest

from cluster.demonstration.demo import EXAMPLES
from cluster.deployment.running import running
from cluster.deployment.subjects import SUBJECTS, named
from cluster.errors import SetupError
from cluster.settings import REPO


@pytest.mark.parametrize("name", SUBJECTS)
def test_a_subject_has_manifests_powers_and_a_demonstration(name: str) -> None:
    subject = named(name)
    for folder in (subject.manifests, subject.permissions):
        assert (folder / "kustomization.yaml").exists()
    assert EXAMPLES[name]
    assert [file for file in EXAMPLES[name] if not (REPO / file).exists()] == []


def test_a_subject_that_is_not_known_is_refused_with_those_that_are() -> None:
    with pytest.raises(SetupError) as refused:
        named("tikw")
    assert all(name in str(refused.value) for name in SUBJECTS)


def test_make_can_deploy_and_demonstrate_each() -> None:
    makefile = (REPO / "Makefile").read_text()
    for name in SUBJECTS:
        assert f"\ndeploy-{name}:" in makefile


def test_the_campaigns_that_run_on_a_subject_are_told_from_all_others() -> None:
    def campaign(name: str, subject: str, phase: str | None) -> dict[str, object]:
        status = {} if phase is None else {"status": {"phase": phase}}
        return {
            "metadata": {"namespace": "lab", "name": name},
            "spec": {"subject": {"type": "tikv", "namespace": subject}},
            **status,
        }

    listed = {
        "items": [
            campaign("runs", "tikv", "Running"),
            campaign("elsewhere", "etcd", "Running"),
            campaign("queued", "tikv", "Queued"),
            campaign("over", "tikv", "Complete"),
            campaign("new", "tikv", None),
        ]
    }
    assert running(listed, "tikv") == ["lab/runs"]
