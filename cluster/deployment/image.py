"""The controller's image: built from the checkout and put into the node; each only when something changed."""

import shutil
import sys
from dataclasses import dataclass
from pathlib import Path

from cluster import fingerprint, kind, run, tools
from cluster.docker import engine
from cluster.locks import lock
from cluster.node import choice, rootfs
from cluster.progress import Stages, note
from cluster.settings import CACHE, REPO

NAME = "evalcampaign/controller"
REGISTRY_BASE = "python:3.11-slim"
LABEL = "dev.evalcampaign.inputs"
PIP = REPO / "cluster" / "pip.txt"
LOCK = REPO / "requirements.lock"
# What the image is made of.
SOURCES = [REPO / name for name in ("Dockerfile", "pyproject.toml", "controller", "subjects")]
# Wheels of these platforms run on the base images' C library (Debian 12: glibc 2.36).
MANYLINUX = ("manylinux_2_34", "manylinux_2_31", "manylinux_2_28", "manylinux_2_17", "manylinux2014")
# Remembers, in the node, which image was loaded last.
MARKER = "/kind/controller-image"


@dataclass(frozen=True)
class Controller:
    """The image: its name and tag, and the fingerprint of what it was built from."""

    name: str
    inputs: str


def ensure(tag: str = "dev") -> Controller:
    """Have the image of the sources at hand, in Docker and in the cluster, if there is one. SetupError if not."""
    stages = Stages()
    engine.ensure()
    image = ensure_built(stages, tag)
    with lock("image"):
        _load(image, stages)
    return image


def ensure_built(stages: Stages, tag: str = "dev") -> Controller:
    """Have it in Docker, which needs no cluster. SetupError when it cannot be built."""
    image = Controller(f"{NAME}:{tag}", fingerprint.of(*SOURCES, LOCK, PIP))
    with lock("image"):
        if _label(image.name) == image.inputs:
            note(f"{image.name} is built already (inputs {image.inputs}).")
            return image
        base = _base(stages)
        with stages.stage(f"building {image.name} on {base}"):
            _build(image, base)
    return image


def _label(image: str) -> str:
    format = f'{{{{index .Config.Labels "{LABEL}"}}}}'
    return run.attempt(["docker", "image", "inspect", "--format", format, image]).stdout.strip()


def _base(stages: Stages) -> str:
    if choice.choose(REGISTRY_BASE).path == "registry":
        return REGISTRY_BASE
    return rootfs.ensure("controller", stages)


def _build(image: Controller, base: str) -> None:
    show = "import sys; print('%d.%d' % sys.version_info[:2])"
    version = run.output(
        ["docker", "run", "--rm", "--network=none", "--entrypoint=python3", base, "-c", show],
        f"asking {base} for its Python",
        timeout=600,
    )
    wheels = _wheels(version)
    with rootfs.workspace() as context:
        # Hard links: no second copy of 30 MB of wheels.
        shutil.copytree(wheels, context / "wheels", copy_function=_link)
        shutil.copy(LOCK, context)
        _project_wheel(context / "project")
        names = ["--build-arg", f"BASE={base}", "--label", f"{LABEL}={image.inputs}", "-t", image.name]
        run.logged(
            ["docker", "build", "-f", REPO / "Dockerfile", *names, context],
            f"building {image.name}",
            env=engine.build_environment(),
        )


def _link(source: str, target: str) -> None:
    Path(target).hardlink_to(source)


def _wheels(python: str) -> Path:
    """The locked dependencies as wheels for the image's Python, and pip's own wheel to install them with."""
    folder = CACHE / "wheels" / f"{python}-{fingerprint.of(LOCK, PIP)}"
    if folder.exists():
        return folder
    partial = folder.with_name(folder.name + ".partial")
    shutil.rmtree(partial, ignore_errors=True)
    machine = {"amd64": "x86_64", "arm64": "aarch64"}[tools.architecture()]
    platforms = [f"--platform={name}_{machine}" for name in MANYLINUX]
    download = [sys.executable, "-m", "pip", "download", "--quiet", "--disable-pip-version-check", "--require-hashes"]
    for_image = ["--only-binary=:all:", f"--python-version={python}", "--implementation=cp", *platforms]
    for locked in (LOCK, PIP):
        run.logged(
            [*download, *for_image, "--dest", partial, "-r", locked],
            f"downloading the wheels of {locked.name}",
            hint="check that PyPI can be reached: `python -m pip download pip`.",
        )
    partial.rename(folder)
    return folder


def _project_wheel(target: Path) -> None:
    """Build our own wheel from a copy of the packages, so that setuptools leaves no build folder in the checkout."""
    with rootfs.workspace() as copy:
        for name in ("pyproject.toml", "README.md", "LICENSE"):
            if (REPO / name).exists():
                shutil.copy(REPO / name, copy)
        for package in ("controller", "subjects"):
            shutil.copytree(REPO / package, copy / package, ignore=shutil.ignore_patterns("__pycache__"))
        run.logged(
            [
                sys.executable,
                "-m",
                "pip",
                "wheel",
                "--quiet",
                "--no-deps",
                "--no-build-isolation",
                "--wheel-dir",
                target,
                copy,
            ],
            "building the project's wheel",
        )


def _load(image: Controller, stages: Stages) -> None:
    loaded = run.attempt(["docker", "exec", kind.NODE, "cat", MARKER])
    if loaded.stdout.strip() == f"{image.name} {image.inputs}":
        note(f"{image.name} is in the cluster already.")
        return
    running = run.attempt(["docker", "inspect", "--type=container", "--format", "{{.State.Running}}", kind.NODE])
    if running.stdout.strip() != "true":
        note(f"{image.name} is built; there is no cluster to load it into.")
        return
    with stages.stage(f"loading {image.name} into the cluster"):
        kind.load(image.name)
        run.output(
            ["docker", "exec", kind.NODE, "sh", "-c", f"echo {image.name} {image.inputs} > {MARKER}"],
            "marking the image",
        )
