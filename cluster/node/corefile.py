"""Does our CoreDNS have every plugin that kubeadm's Corefile uses? A pod that does not start would tell, but late."""

import re

import yaml

from cluster import run, tools
from cluster.errors import SetupError

PROGRAM = tools.MODULES / "coredns" / "main.go"

# The package is not called as the directive is.
_DIRECTIVES = {"metrics": "prometheus"}


def require_plugins() -> None:
    """SetupError when kubeadm's Corefile uses a plugin that tools/coredns does not compile."""
    ask = ["init", "phase", "addon", "coredns", "--print-manifest"]
    printed = run.output([tools.binary("kubeadm"), *ask], "asking kubeadm for its Corefile")
    if lacking := directives(in_manifests(printed)) - compiled(PROGRAM.read_text()):
        raise SetupError(
            f"kubeadm's Corefile uses plugins that our CoreDNS lacks: {', '.join(sorted(lacking))}.",
            hint=f"import them in {PROGRAM}.",
        )


def in_manifests(printed: str) -> str:
    """The Corefile out of the manifests that kubeadm prints. SetupError when there is none."""
    for document in yaml.safe_load_all(printed):
        if document and document["kind"] == "ConfigMap" and "Corefile" in document["data"]:
            return str(document["data"]["Corefile"])
    raise SetupError("kubeadm prints no Corefile.")


def directives(corefile: str) -> set[str]:
    """The first words of the lines directly inside a server's block; deeper ones are a plugin's own settings."""
    found, depth = set(), 0
    for line in corefile.splitlines():
        words = line.partition("#")[0].split()
        if words and depth == 1 and words[0] != "}":
            found.add(words[0])
        depth += words.count("{") - words.count("}")
    return found


def compiled(program: str) -> set[str]:
    """The directives of the plugins that a Go program imports."""
    packages = re.findall(r'^\s*_ "github\.com/coredns/coredns/plugin/(\w+)"', program, re.MULTILINE)
    return {_DIRECTIVES.get(name, name) for name in packages}
