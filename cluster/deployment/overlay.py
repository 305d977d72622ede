"""What only this cluster knows (image names, what the image was built from), laid over the manifests.

The manifests stay as they are; a kustomization that refers to them is written into a folder of its own and applied.
"""

import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import yaml

from cluster import fingerprint
from cluster.deployment.image import Controller
from cluster.deployment.preloaded import Preloaded, split
from cluster.settings import REPO

MANIFESTS = REPO / "manifests"
CONTROLLER = MANIFESTS / "controller"

MADE_OF = "evalcampaign.dev/made-of"


def controller(built: Controller, images: Preloaded) -> dict[str, Any]:
    """The controller with the image that was built here. Pure.

    The image's tag stays the same whatever is in it, so a hash of what the pod is made of goes into its template:
    where that changes, a new pod is rolled out.
    """
    name, tag = split(built.name)
    made_of = fingerprint.of(built.inputs, images.pause)
    annotate = {"op": "add", "path": "/spec/template/metadata/annotations", "value": {MADE_OF: made_of}}
    return {
        "images": [_image("evalcampaign/controller", name, tag)],
        "configMapGenerator": [
            {"name": "evalcampaign-images", "namespace": "evalcampaign", "literals": [f"pause={images.pause}"]}
        ],
        "generatorOptions": {"disableNameSuffixHash": True},
        "patches": [{"target": {"kind": "Deployment"}, "patch": yaml.safe_dump([annotate])}],
    }


def renamed(images: Mapping[str, str]) -> dict[str, Any]:
    """Other images than the manifests name: by the name there without a tag, the full name here. Pure."""
    return {"images": [_image(name, *split(image)) for name, image in images.items()]}


def _image(name: str, new_name: str, new_tag: str) -> dict[str, str]:
    return {"name": name, "newName": new_name, "newTag": new_tag}


@contextmanager
def written(base: Path, changes: Mapping[str, Any]) -> Iterator[Path]:
    """A folder for `kubectl apply -k`, which exists as long as the block lasts."""
    with TemporaryDirectory(prefix="evalcampaign-") as made:
        folder = Path(made).resolve()
        # kustomize takes relative paths only.
        document = {"resources": [os.path.relpath(base, folder)], **changes}
        (folder / "kustomization.yaml").write_text(yaml.safe_dump(document))
        yield folder
