"""What is read out of other programs' words and files."""

import pytest

from cluster import golang
from cluster.docker import processes
from cluster.health import lacking
from cluster.node import debian, payload


@pytest.mark.parametrize(
    ("said", "version"),
    [("go version go1.26.8 linux/amd64", (1, 26)), ("go version go1.21 linux/arm64", (1, 21)), ("devel", None)],
)
def test_gos_version(said: str, version: tuple[int, int] | None) -> None:
    assert golang.version(said) == version


@pytest.mark.parametrize(
    "sources",
    [
        "# a comment\ndeb http://mirror.example/debian bookworm main\n",
        "deb-src http://other.example/debian x main\ndeb [signed-by=/k] http://mirror.example/debian bookworm main",
        "deb http://security.example/debian-security s main\ndeb http://mirror.example/debian bookworm main",
        "Types: deb\nURIs: http://security.example/debian-security\n\nTypes: deb\nURIs: http://mirror.example/debian\n",
    ],
)
def test_debians_mirror_is_found_in_either_format(sources: str) -> None:
    assert debian.mirror_in(sources) == "http://mirror.example/debian"


def test_a_vendors_archive_is_not_debians() -> None:
    assert debian.mirror_in("deb https://vendor.example/apt stable main") is None


@pytest.mark.parametrize("group", ["python", "engine", "rootfs", "node", "controller"])
def test_every_group_of_packages_is_there(group: str) -> None:
    assert all(name.replace("-", "").replace(".", "").isalnum() for name in debian.packages(group))


def test_an_unknown_group_of_packages_is_an_error() -> None:
    with pytest.raises(KeyError):
        debian.packages("nothing")


def test_control_plane_images_by_short_name() -> None:
    listed = "host.example/etcd:3.6.5-0\nhost.example/coredns/coredns:v1\nhost.example:5000/pause:3\n"
    assert payload.by_short_name(listed) == {
        "etcd": "host.example/etcd:3.6.5-0",
        "coredns": "host.example/coredns/coredns:v1",
        "pause": "host.example:5000/pause:3",
    }


def test_the_start_time_of_a_process_whose_name_has_brackets_and_spaces() -> None:
    stat = "42 (a ) b) S 1 " + " ".join(str(n) for n in range(5, 53))
    assert processes.parse_stat(stat) == ("S", "22")


def test_a_process_is_known_by_more_than_its_pid() -> None:
    import os

    known = processes.identity(os.getpid())
    assert known is not None
    assert processes.alive(known)
    assert not processes.alive(known + "0")


def test_what_is_not_available_is_named() -> None:
    assert lacking("kube-system/coredns default/other") == "not available: local-path-provisioner"
    assert lacking("kube-system/coredns local-path-storage/local-path-provisioner") is None
