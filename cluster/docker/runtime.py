"""An OCI runtime in front of runc that asks only for capabilities which this machine has.

dockerd starts it in runc's place (see engine.py), by file name and with the system's Python: it must stay one file
with nothing but the standard library. runc gets what it is to grant in two ways: the bundle's config.json for create
and run, a process file for exec (`docker exec --privileged`, which kind uses for every step).
"""

import json
import os
import sys
from typing import Any

MISSING = "CAP_SYS_RESOURCE"


def option(args: list[str], *names: str) -> str | None:
    """Value of an option, given as `--name value` or `--name=value`."""
    for i, arg in enumerate(args):
        if arg in names and i + 1 < len(args):
            return args[i + 1]
        for name in names:
            if arg.startswith(name + "="):
                return arg[len(name) + 1 :]
    return None


def without_missing(process: dict[str, Any]) -> dict[str, Any]:
    """The same process without the capability, and without a lower OOM score, which needs that capability."""
    sets = process.get("capabilities") or {}
    kept = {name: [cap for cap in caps or [] if cap != MISSING] for name, caps in sets.items()}
    return {**{k: v for k, v in process.items() if k != "oomScoreAdj"}, **({"capabilities": kept} if sets else {})}


def rewrite(args: list[str]) -> None:
    """Remove from the bundle of a container to be created what this machine cannot grant it."""
    if "create" in args or "run" in args:
        path = os.path.join(option(args, "--bundle", "-b") or ".", "config.json")
        with open(path) as file:
            config = json.load(file)
        config["process"] = without_missing(config.get("process") or {})
        _save(path, config)
    elif "exec" in args:
        process_file = option(args, "--process", "-p")
        if process_file:
            with open(process_file) as file:
                process = json.load(file)
            _save(process_file, without_missing(process))


def _save(path: str, content: dict[str, Any]) -> None:
    with open(path, "w") as file:
        json.dump(content, file)


if __name__ == "__main__":
    rewrite(sys.argv[1:])
    os.execvp("runc", ["runc", *sys.argv[1:]])
