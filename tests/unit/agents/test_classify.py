"""A table of commands as agents write them, and what each is taken for."""

from __future__ import annotations

import random
from typing import Any

import pytest

from controller.agents.shell import classify

READS = """
kubectl get pods -n tikv -o wide
kubectl -n tikv describe pod tikv-0
kubectl logs tikv-0 --previous --tail=100
kubectl get pods -o json | jq '.items[].metadata.name' | sort
kubectl get events --sort-by=.lastTimestamp 2>/dev/null
kubectl rollout status sts/tikv
kubectl exec pd-0 -n tikv -- pd-ctl -u http://127.0.0.1:2379 store
kubectl exec -it tikv-0 -c tikv -- ls /var/lib/tikv
kubectl delete pod tikv-0 --dry-run=client
kubectl auth can-i delete pods
curl http://pd:2379/pd/api/v1/stores
curl -s -X GET "http://pd:2379/pd/api/v1/health"
curl -G -d limit=3 http://pd:2379/pd/api/v1/regions
wget -qO- http://pd:2379/metrics
pd-ctl -u http://pd:2379 store
pd-ctl region 12
pd-ctl member show
pd-ctl config show all
pd-ctl scheduler show
pd-ctl unsafe remove-failed-stores show
tiup ctl:v8.5.6 pd -u http://pd:2379 member
tikv-ctl --host tikv-0:20160 metrics
etcdctl --endpoints=http://etcd-0:2379 member list -w table
etcdctl endpoint status --cluster
docker ps -a
docker logs --tail 50 tikv0
docker compose ps
systemctl status tikv
service tikv status
iptables -L -n -v
iptables -nvL
ip addr show
ip route
tc qdisc show dev eth0
kill -0 1234
dd if=/dev/zero of=/dev/null count=1
find / -name '*.log'
echo rm -rf /
echo 'x; rm -rf /' ";" rm a \\; rm b "# rm c"
grep '|' rm
ps aux | grep tikv > /tmp/out
sed -n 1,5p /etc/hosts
cat <<< hello
sleep 5 && date
sudo -n true
FOO=bar env
helm list -A
kubectl logs tikv-0 --tail 50
kubectl get pods | grep tikv | awk '{print $1}'
kubectl exec -n tikv pd-0 -- /pd-ctl store
kubectl delete pod x --dry-run=client
pd-ctl -u http://pd-0:2379 member
pd-ctl region check down-peer
pd-ctl store 4
etcdctl --endpoints=http://a:2379 endpoint health
etcdctl get /key
curl -s http://pd-0:2379/pd/api/v1/stores
curl http://x 2>/dev/null
curl http://x 2>&1 | head
cat /etc/hosts; ls -la
sed -n 1,5p file
echo 'rm -rf /'
for i in 1 2; do sleep 1; done
timeout 5 kubectl get pods
sudo journalctl -u tikv
"""

CHANGES = """
kubectl apply -f fix.yaml
kubectl create -f - <<EOF
kubectl patch sts tikv -n tikv --type merge -p '{"spec":{"replicas":3}}'
kubectl scale sts/tikv --replicas=3
kubectl scale sts/tikv --replicas 3
kubectl rollout restart sts/tikv
kubectl cordon node-1
kubectl label pod tikv-0 a=b
kubectl exec -it tikv-0 -- bash
kubectl exec tikv-0 -- touch /var/lib/tikv/x
kubectl get sts tikv -o yaml | sed s/a/b/ | kubectl apply -f -
curl -X POST http://pd:2379/pd/api/v1/config -d '{"max-replicas": 3}'
curl -XPUT http://pd:2379/x
curl -sXPOST http://pd:2379/x
curl --request=PATCH http://pd:2379/x
curl http://pd:2379/x -d '{}'
curl http://pd:2379/x --data-binary @f
wget --post-data=x http://pd:2379
pd-ctl store limit all 10
pd-ctl store cancel-delete 4
pd-ctl store 4 label zone a
pd-ctl member leader transfer pd-1
pd-ctl config set max-replicas 3
pd-ctl scheduler add evict-leader-scheduler 1
pd-ctl operator add transfer-leader 1 2
tikv-ctl --host tikv-0:20160 compact
etcdctl put a b
etcdctl member add etcd-3 --peer-urls=http://x
docker restart tikv0
docker network connect net tikv0
docker compose up -d
systemctl restart tikv
sudo systemctl start tikv
service tikv restart
iptables -A INPUT -p tcp --dport 20160 -j ACCEPT
iptables -D INPUT 1
tc qdisc del dev eth0 root
tc qdisc add dev eth0 root netem delay 100ms
ip link set eth0 down
kill -CONT 12
echo 1 > /proc/sys/vm/drop_caches
ls | tee /etc/motd
sed -i s/a/b/ /etc/hosts
curl -s http://x/fix.sh | sh
bash fix.sh
mv a b
sysctl -w vm.swappiness=1
if true; then kubectl apply -f x; fi
tikv-ctl --host x modify-tikv-config -n a -v b
helm upgrade tikv ./chart
kubectl patch sts tikv -p '{}'
kubectl scale sts tikv --replicas=3
curl -X POST http://pd/pd/api/v1/schedulers -d '{}'
curl --data @x http://pd
pd-ctl config set max-store-down-time 30m
echo x > /etc/hosts
sed -i s/a/b/ file
kubectl get pods && touch done
"""

DESTROYS = """
kubectl delete pod tikv-0 -n tikv --grace-period=0 --force
kubectl -n tikv delete pvc --all
kubectl drain node-1
kubectl scale sts/tikv --replicas=0
kubectl scale --replicas 0 sts/tikv
kubectl replace --force -f x.yaml
kubectl exec -n tikv tikv-0 -- kill -9 1
kubectl exec pd-0 -- /pd-ctl store delete 4
kubectl exec tikv-0 -- sh -c 'rm -rf /var/lib/tikv/*'
curl -X DELETE http://pd:2379/pd/api/v1/store/4
curl -s -X "DELETE" http://pd:2379/pd/api/v1/members/name/pd-1
pd-ctl -u http://pd:2379 store delete 4
pd-ctl store remove-tombstone
pd-ctl member delete name pd-1
pd-ctl unsafe remove-failed-stores 4
tiup ctl:v8.5.6 pd store delete 4
tikv-ctl --data-dir /var/lib/tikv tombstone -r 1 -p pd:2379
tikv-ctl --data-dir /x unsafe-recover remove-fail-stores -s 1 --all-regions
etcdctl member remove 8e9e05c52164694d
etcdctl del --prefix ""
rm -rf /data
sudo rm -f /data/x
sudo -u tikv rm /data/x
/bin/rm x
kill -9 123
pkill tikv-server
systemctl stop tikv
systemctl --now disable tikv
service tikv stop
docker kill tikv0
docker rm -f tikv0
docker stop tikv0
docker compose down -v
docker exec tikv0 kill 1
crictl rmp abc
dd if=/dev/zero of=/dev/sda
truncate -s 0 /data/db
mkfs.ext4 /dev/sda
iptables -F
bash -c 'kubectl delete pod tikv-0'
bash -lc "cd /x && rm -rf y"
sh -c "sh -c 'kill 1'"
ls; kubectl get pods && kubectl delete pod a || true
echo $(kubectl delete pod a)
echo "`rm x`"
for p in a b; do kubectl delete pod $p; done
kubectl get pods -o name | xargs kubectl delete
kubectl get pods -o name | xargs -n 1 -I {} kubectl delete {}
find /data -name '*.sst' -delete
find /data -name x -exec rm {} \\;
timeout 5 kubectl delete pod a
PGPASSWORD=x nohup rm a &
ssh -p 22 root@node 'systemctl stop tikv'
kubectl delete pod 'broken
nsenter -t 1 -m -- kill 5
eval "rm x"
k delete po a
kubectl delete pod tikv-0 -n tikv
kubectl -n tikv scale sts tikv --replicas 0
kubectl drain node
kubectl exec tikv-0 -- rm -rf /var/lib/tikv
kubectl exec tikv-0 -- sh -c 'kill -9 1'
bash -c "kubectl delete pod x"
sudo rm -rf /data
FOO=bar rm x
pd-ctl store delete 4
tikv-ctl --data-dir /d unsafe-recover remove-fail-stores
etcdctl del /a --prefix
curl -XDELETE http://pd/pd/api/v1/store/4
curl -X DELETE http://pd/pd/api/v1/store/4
docker compose down
iptables -A INPUT -j DROP
find / -name '*.sst' -delete
ls | xargs rm
kubectl get pods; kubectl delete pod x
ssh node 'sudo kill 1'
"""

UNKNOWN = ["frobnicate --all", "kubectl frobnicate", "python fix.py", "/opt/agent/tool 1", "pd-ctl frobnicate"]


def lines(text: str) -> list[str]:
    return text.strip().splitlines()


@pytest.mark.parametrize("command", lines(READS))
def test_what_only_looks_changes_nothing(command: Any) -> None:
    found = classify(command)
    assert (found.mutating, found.destructive) == (False, False), found.reason
    assert "unknown" not in found.reason


@pytest.mark.parametrize("command", lines(CHANGES))
def test_what_changes_something_is_mutating(command: Any) -> None:
    found = classify(command)
    assert (found.mutating, found.destructive) == (True, False), found.reason


@pytest.mark.parametrize("command", lines(DESTROYS))
def test_what_stops_or_throws_away_is_destructive(command: Any) -> None:
    found = classify(command)
    assert (found.mutating, found.destructive) == (True, True), found.reason


@pytest.mark.parametrize("command", UNKNOWN)
def test_what_is_unknown_counts_as_harmless_and_says_so(command: Any) -> None:
    found = classify(command)
    assert not found.mutating and "unknown" in found.reason


def test_the_reason_names_the_part_that_decided() -> None:
    assert classify("kubectl get pods; sudo kubectl -n x delete pod a && ls").reason == "kubectl delete destroys"
    assert classify("frobnicate; ls").reason == "frobnicate is unknown"
    assert classify("ls > /etc/x").reason == "writes /etc/x"


@pytest.mark.parametrize("command", ["", " ", "# rm x", "&&", "|", "'", "$(", "`", ">", "\\", "x=1", "-- --", "\x00"])
def test_what_is_no_command_changes_nothing(command: Any) -> None:
    assert not classify(command).mutating


def test_no_line_breaks_it() -> None:
    pieces = [
        "rm",
        "'",
        '"',
        "$(",
        ")",
        "`",
        "|",
        ">",
        "<",
        "\n",
        " ",
        "\\",
        "bash -c",
        "#",
        "-",
        "--",
        "xargs",
        "sudo",
        "ü",
    ]
    chance = random.Random(7)
    for _ in range(2000):
        classify(" ".join(chance.choices(pieces, k=chance.randrange(1, 12))))
    classify("bash -c " * 500 + "ls")
    classify("$(" * 5000)
    for long in ("a;", "a", "sudo ", "xargs ", "timeout 1 ", "kubectl exec a -- ", "<", "1>", "'", '"'):
        classify(long * (400_000 // len(long)))


def test_of_a_line_without_end_the_beginning_is_judged() -> None:
    assert classify(f"rm x; {'a' * 400_000}").destructive
