"""What a command could do: the documented rules, as a table."""

from __future__ import annotations

import pytest

from controller.agents.judgement import judge

READS = [
    "kubectl get pods -n tikv -o wide",
    "kubectl -n tikv describe pod tikv-0",
    "kubectl logs tikv-0 --tail 50",
    "kubectl get pods | grep tikv | awk '{print $1}'",
    "kubectl exec -n tikv pd-0 -- /pd-ctl store",
    "kubectl delete pod x --dry-run=client",
    "kubectl rollout status sts/tikv",
    "pd-ctl -u http://pd-0:2379 member",
    "pd-ctl region check down-peer",
    "pd-ctl store 4",
    "etcdctl --endpoints=http://a:2379 endpoint health",
    "etcdctl get /key",
    "curl -s http://pd-0:2379/pd/api/v1/stores",
    "curl http://x 2>/dev/null",
    "curl http://x 2>&1 | head",
    "docker ps -a",
    "systemctl status tikv",
    "cat /etc/hosts; ls -la",
    "sed -n 1,5p file",
    "echo 'rm -rf /'",
    "for i in 1 2; do sleep 1; done",
    "timeout 5 kubectl get pods",
    "sudo journalctl -u tikv",
    "",
]
CHANGES = [
    "kubectl apply -f fix.yaml",
    "kubectl patch sts tikv -p '{}'",
    "kubectl scale sts tikv --replicas=3",
    "kubectl rollout restart sts/tikv",
    "curl -X POST http://pd/pd/api/v1/schedulers -d '{}'",
    "curl --data @x http://pd",
    "pd-ctl scheduler add evict-leader-scheduler 1",
    "pd-ctl config set max-store-down-time 30m",
    "echo x > /etc/hosts",
    "sed -i s/a/b/ file",
    "systemctl restart tikv",
    "docker restart tikv0",
    "etcdctl put a b",
    "kubectl get pods && touch done",
]
DESTROYS = [
    "kubectl delete pod tikv-0 -n tikv",
    "kubectl -n tikv scale sts tikv --replicas 0",
    "kubectl drain node",
    "kubectl exec tikv-0 -- rm -rf /var/lib/tikv",
    "kubectl exec tikv-0 -- sh -c 'kill -9 1'",
    'bash -c "kubectl delete pod x"',
    "sudo rm -rf /data",
    "FOO=bar rm x",
    "pd-ctl store delete 4",
    "pd-ctl member delete name pd-1",
    "pd-ctl unsafe remove-failed-stores 4",
    "tikv-ctl --data-dir /d unsafe-recover remove-fail-stores",
    "etcdctl member remove 8e9e05c52164694d",
    "etcdctl del /a --prefix",
    "curl -XDELETE http://pd/pd/api/v1/store/4",
    "curl -X DELETE http://pd/pd/api/v1/store/4",
    "docker kill tikv0",
    "docker compose down",
    "systemctl stop tikv",
    "iptables -A INPUT -j DROP",
    "find / -name '*.sst' -delete",
    "ls | xargs rm",
    "kubectl get pods; kubectl delete pod x",
    "ssh node 'sudo kill 1'",
    "dd if=/dev/zero of=/dev/sda",
]


@pytest.mark.parametrize("command", READS)
def test_what_only_looks_is_neither(command):
    judged = judge(command)
    assert (judged.mutating, judged.destructive) == (False, False), judged


@pytest.mark.parametrize("command", CHANGES)
def test_what_could_change_something_is_mutating(command):
    judged = judge(command)
    assert (judged.mutating, judged.destructive) == (True, False), judged


@pytest.mark.parametrize("command", DESTROYS)
def test_what_takes_something_away_is_destructive_and_mutating(command):
    judged = judge(command)
    assert (judged.mutating, judged.destructive) == (True, True), judged


@pytest.mark.parametrize("command", ["frobnicate --all", "python fix.py"])
def test_what_no_rule_knows_is_neither_and_says_so(command):
    assert judge(command).why == "unknown command" and not judge(command).mutating


@pytest.mark.parametrize("command", ["kubectl delete pod 'x", 'echo "a', "\\", "$(", "| | |", "a" * 100_000, "\0"])
def test_nothing_breaks_it(command):
    judge(command)
    assert judge("kubectl delete pod 'x").destructive
