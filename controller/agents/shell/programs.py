"""Tables of the programs whose effect on a system is known; docs/agents/commands.md shows them.

A program is listed by its verbs (PROGRAMS), or by its name alone where it always does the same (DESTROYING, CHANGING,
READING). `options.py` holds the programs for which an option makes the difference.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import IntEnum


class Effect(IntEnum):
    """The effects of commands on a system, in ascending order. The effect of a line is the maximum of its parts.

    *Destroys*: something that ran or was kept is stopped, thrown away or overwritten. *Changes*: the system may behave
    differently afterwards. *Reads*: neither.
    """

    READS = 0
    UNKNOWN = 1
    CHANGES = 2
    DESTROYS = 3


@dataclass(frozen=True, slots=True)
class Program:
    """The verbs of a program by their effect, separated by commas. In an entry, `*` stands for any one word.

    `valued` are the options whose value is the next word; `otherwise` is the effect of a verb that is not listed.
    """

    destroys: str = ""
    changes: str = ""
    reads: str = ""
    valued: frozenset[str] = frozenset()
    otherwise: Effect = Effect.UNKNOWN
    table: dict[tuple[str, ...], Effect] = field(init=False, default_factory=dict, compare=False)

    def __post_init__(self) -> None:
        named = ((Effect.DESTROYS, self.destroys), (Effect.CHANGES, self.changes), (Effect.READS, self.reads))
        for effect, text in named:
            self.table.update({tuple(entry.split()): effect for entry in text.split(",") if entry.strip()})


def words(text: str) -> frozenset[str]:
    """Returns the words of a text as a set."""
    return frozenset(text.split())


DESTROYING = words(
    "rm rmdir unlink shred truncate kill pkill killall killall5 dd wipefs reboot shutdown halt poweroff init telinit"
    " mkfs fdisk parted swapoff dropdb"
)

CHANGING = words(
    "mv cp mkdir touch chmod chown chgrp ln install rsync scp tee mount umount fallocate swapon modprobe insmod rmmod"
    " iptables ip6tables iptables-restore ip6tables-restore nft ufw firewall-cmd ipset ifconfig ethtool sysctl"
    " stress stress-ng apt apt-get yum dnf apk pip pip3 npm crontab at useradd usermod userdel passwd chattr setfacl"
    " ulimit renice chrt taskset hostnamectl timedatectl date hwclock ifup ifdown nmcli patch tar unzip"
)

READING = words(
    "ls cat head tail less more grep egrep fgrep rg zgrep zcat awk gawk cut sort uniq wc tr jq yq column diff cmp"
    " echo printf true false test [ [[ : sleep pwd cd which type whereis whoami id hostname uname uptime env printenv"
    " export set unset declare local read ps top htop free vmstat iostat mpstat sar df du stat file lsblk lsof findmnt"
    " netstat ss ping traceroute tracepath mtr dig nslookup host getent nc ncat telnet tcpdump dmesg journalctl"
    " last w who history man help base64 xxd od hexdump strings md5sum sha256sum basename dirname realpath readlink"
    " seq for case break continue return exit wait jobs tree fold tac rev comm join paste nproc lscpu lsmod arp"
    " pgrep pidof pstree strace ltrace perf openssl grpcurl promtool yes expr bc time"
)

_KUBECTL = Program(
    destroys="delete, drain",
    changes="apply, create, patch, edit, replace, scale, autoscale, annotate, label, set, expose, run, taint, cordon,"
    "uncordon, cp, debug, attach, rollout restart, rollout undo, rollout pause, rollout resume, auth reconcile,"
    "certificate approve, certificate deny",
    # `kubectl config` changes kubectl's own settings alone.
    reads="get, describe, logs, top, explain, api-resources, api-versions, version, cluster-info, auth can-i,"
    "auth whoami, events, diff, wait, config, port-forward, proxy, rollout status, rollout history, completion,"
    "kustomize, options, plugin list, certificate",
    valued=words(
        "-n --namespace --context --kubeconfig --cluster -s --server --token --user --as --as-group --request-timeout"
        " -v --v --cache-dir --certificate-authority --client-certificate --client-key --tls-server-name"
    ),
)

_PD_CTL = Program(
    destroys="store delete, store remove-tombstone, member delete, unsafe remove-failed-stores,"
    "service-gc-safepoint delete, operator add remove-peer",
    changes="store cancel-delete, store label, store weight, store limit *, store limit-scene *, store * label,"
    "store * weight, member leader resign, member leader transfer, member leader_priority, config set, config delete,"
    "config placement-rules save, config placement-rules rule-group set, config placement-rules rule-group delete,"
    "config placement-rules rule-bundle set, config placement-rules rule-bundle delete,"
    "config placement-rules rule-bundle save, scheduler add, scheduler remove, scheduler pause, scheduler resume,"
    "scheduler config * set, scheduler config * add, scheduler config * delete, operator add, operator remove,"
    "log, keyspace create, keyspace update-config, keyspace update-state, resource-manager config * set",
    reads="store, stores, store limit, store limit-scene, region, regions, member, member show, member leader,"
    "health, config, cluster, hot, ping, label, tso, min-resolved-ts, scheduler, operator, completion, help,"
    "service-gc-safepoint, unsafe remove-failed-stores show, unsafe remove-failed-stores history, version, keyspace",
    valued=words("-u --pd --cacert --cert --key"),
)

_TIKV_CTL = Program(
    destroys="recover-mvcc, unsafe-recover, recreate-region, tombstone, reset-to-version, flashback,"
    "remove-fail-stores, drop-unapplied-raftlog",
    changes="compact, compact-cluster, split-region, modify-tikv-config, fail, encryption-meta cleanup,"
    "ldb, reuse-readonly-remains",
    reads="raft, size, scan, raw-scan, print, mvcc, diff, consistency-check, bad-regions, region-properties,"
    "range-properties, metrics, store, cluster, decrypt-file, encryption-meta, show-cluster-id,"
    "get-region-read-progress, dump-snap-meta, bad-ssts",
    valued=words("--host --pd --data-dir --config --ca-path --cert-path --key-path --log-level --db --raftdb"),
)

_ETCDCTL = Program(
    destroys="del, member remove, snapshot restore, compaction, compact, auth disable, user delete, role delete,"
    "lease revoke",
    changes="put, txn, member add, member update, member promote, defrag, move-leader, alarm disarm, auth enable,"
    "user, role, lease, lock, elect, make-mirror, downgrade",
    reads="get, member list, endpoint, alarm list, watch, snapshot save, snapshot status, check, version, user list,"
    "user get, role list, role get, lease list, lease timetolive, auth status",
    valued=words("--endpoints --cacert --cert --key --user --password -w --write-out --command-timeout --dial-timeout"),
)

_CONTAINERS = Program(
    destroys="kill, rm, rmi, stop, prune, system prune, volume rm, volume prune, container rm, container kill,"
    "container stop, container prune, image rm, image prune, network rm, network prune, compose down, compose stop,"
    "compose kill, compose rm, swarm leave, stopp, rmp, service rm, stack rm, builder prune",
    changes="start, restart, run, create, pause, unpause, update, cp, rename, commit, build, pull, push, tag, load,"
    "import, attach, network connect, network disconnect, network create, volume create, compose up, compose start,"
    "compose restart, compose create, compose pause, compose unpause, compose build, compose pull, compose run,"
    "container start, container restart, container update, service update, service scale, service create, runp",
    reads="ps, logs, inspect, stats, top, images, version, info, port, diff, events, history, search, wait, save,"
    "export, container ls, container inspect, container logs, image ls, image inspect, network ls, network inspect,"
    "volume ls, volume inspect, system df, system info, compose ps, compose logs, compose config, compose top,"
    "compose images, compose ls, context, pods, inspectp, statsp, service ls, service ps, service logs, node ls",
    valued=words("-H --host -f --file -p --project-name --context -c --config -l --log-level -r --runtime-endpoint"),
)

_HELM = Program(
    destroys="uninstall, delete, del, un",
    changes="install, upgrade, rollback, test, push, repo, dependency, plugin, create, package",
    reads="list, ls, status, get, history, template, lint, show, search, version, env, verify, pull, repo list",
    valued=words("-n --namespace --kube-context --kubeconfig"),
)

_SYSTEMCTL = Program(
    destroys="stop, kill, disable, mask, isolate, poweroff, reboot, halt, kexec, suspend, hibernate, rescue, emergency",
    changes="start, restart, try-restart, reload, reload-or-restart, enable, reenable, unmask, edit, set-property,"
    "daemon-reload, daemon-reexec, reset-failed, set-environment, unset-environment, link, revert, set-default",
    reads="status, show, cat, list-units, list-unit-files, list-timers, list-sockets, list-dependencies, list-jobs,"
    "is-active, is-enabled, is-failed, is-system-running, get-default, show-environment, help",
    valued=words("-H --host -M --machine -t --type -p --property -s --signal"),
)

_IP = Program(
    changes="* add, * del, * delete, * set, * change, * replace, * flush, netns exec, * append, * up, * down",
    reads="addr, address, a, link, l, route, r, rule, neigh, n, netns, maddr, tunnel, monitor, xfrm, -V",
)

_TC = Program(
    changes="* add, * change, * replace, * del, * delete, * link, * flush",
    reads="* show, * list, * ls, qdisc, class, filter, monitor, * get",
)

_TIUP = Program(
    destroys="cluster destroy, cluster stop, cluster scale-in, cluster clean, cluster prune, uninstall, clean",
    changes="cluster start, cluster restart, cluster reload, cluster edit-config, cluster patch, cluster upgrade,"
    "cluster scale-out, cluster enable, cluster disable, cluster deploy, install, update, playground",
    reads="cluster display, cluster list, cluster audit, cluster check, cluster show-config, list, status, mirror",
)

PROGRAMS: dict[str, Program] = {
    **dict.fromkeys(("kubectl", "oc", "k"), _KUBECTL),
    **dict.fromkeys(("pd-ctl", "pdctl"), _PD_CTL),
    **dict.fromkeys(("tikv-ctl", "tikvctl"), _TIKV_CTL),
    **dict.fromkeys(("docker", "podman", "nerdctl", "crictl", "ctr"), _CONTAINERS),
    "docker-compose": Program(
        destroys="down, stop, kill, rm",
        changes="up, start, restart, create, pause, unpause, build, pull, run",
        reads="ps, logs, config, top, images, ls, port, version, events",
        valued=_CONTAINERS.valued,
    ),
    "etcdctl": _ETCDCTL,
    "helm": _HELM,
    "systemctl": _SYSTEMCTL,
    "service": Program(
        destroys="* stop",
        changes="* start, * restart, * reload, * force-reload",
        reads="* status, --status-all",
    ),
    "ip": _IP,
    "tc": _TC,
    "tiup": _TIUP,
}
