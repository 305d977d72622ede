#!/usr/bin/env bash
# Runs a command with the project's Python: bootstrap.sh COMMAND [ARGS...]
#
# The virtualenv lives in the cache folder, named by the hash of the lock file and of the interpreter, so that a
# fresh clone finds the one an older clone made, and a changed lock never meets stale packages.
# The project itself is not installed: it runs from the source tree.
set -euo pipefail

root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
cache=${XDG_CACHE_HOME:-$HOME/.cache}/evalcampaign
lock=$root/requirements-dev.lock

say() { printf '%s\n' "$*" >&2; }

as_root() {
    if [ "$(id -u)" -eq 0 ]; then "$@"; else sudo "$@"; fi
}

usable() { # a Python that is new enough and can make virtualenvs
    "$1" -c 'import ensurepip, sys, venv; sys.exit(sys.version_info < (3, 11))' 2>/dev/null
}

find_python() {
    local name path
    for name in python3.11 python3.12 python3.13 python3.14 python3; do
        path=$(command -v "$name") && usable "$path" && { echo "$path"; return 0; }
    done
    return 1
}

install_python() {
    command -v apt-get >/dev/null || {
        say "No Python >= 3.11 with venv was found, and apt-get is not there to install one. Install it, then run this again."
        exit 1
    }
    local packages
    packages=$(sed -n 's/^python: *//p' "$root/cluster/packages.txt")
    say "Installing $packages (no Python >= 3.11 with venv was found)"
    # One vendor's archive that is down fails the whole update; the packages may be had all the same.
    as_root apt-get update -q >&2 || say "apt-get update failed; going on with the package lists that are here."
    # shellcheck disable=SC2086  # a list of words
    as_root env DEBIAN_FRONTEND=noninteractive apt-get install -y -q --no-install-recommends $packages >&2
}

python=$(find_python) || { install_python; python=$(find_python); } || {
    say "Python >= 3.11 with venv is still missing after the installation. Is this Debian 12 or newer?"
    exit 1
}
key=$({ cat "$lock"; "$python" -c 'import sys; print(sys.version, sys.base_prefix)'; } | sha256sum | cut -c1-16)
venv=$cache/venv/$key

if [ ! -e "$venv/complete" ]; then
    mkdir -p "$cache/venv"
    # Two parallel runs must not fill the same folder.
    exec 9>"$cache/venv/lock"
    flock 9
    if [ ! -e "$venv/complete" ]; then
        say "Making the virtualenv $venv (once per lock file, about a minute)"
        started=$SECONDS
        rm -rf "$venv"
        "$python" -m venv "$venv"
        "$venv/bin/pip" install --quiet --disable-pip-version-check --require-hashes --only-binary :all: -r "$lock" >&2
        touch "$venv/complete"
        # For the table of stages at the end.
        export EVALCAMPAIGN_VIRTUALENV_SECONDS=$((SECONDS - started))
    fi
    exec 9>&-
fi

export PATH="$venv/bin:$PATH" PYTHONPATH="$root${PYTHONPATH:+:$PYTHONPATH}"
cd "$root"
exec "$@"
