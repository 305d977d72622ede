"""No secret of an agent's command is stored, and nothing else is changed."""

from __future__ import annotations

import pytest

from controller.agents.masking import mask

SECRETS = [
    ("curl -H 'Authorization: Bearer abcdefgh12345' http://x", "abcdefgh12345"),
    ('curl -H "Authorization: Basic dXNlcjpwYXNz" http://x', "dXNlcjpwYXNz"),
    ("kubectl --token=eyJabcdefgh.eyJabcdefgh.sig get pods", "eyJabcdefgh"),
    ("kubectl --token s3cr3t-value get pods", "s3cr3t-value"),
    ("mysql --password=hunter2 -u root", "hunter2"),
    ("mysql -u root -phunter2 db", "hunter2"),
    ("mysql --password 'hunter 2'", "hunter 2"),
    ("PGPASSWORD=hunter2 psql", "hunter2"),
    ("export GITHUB_TOKEN='abc def'", "abc def"),
    ("AWS_SECRET_ACCESS_KEY=abcd/efgh aws s3 ls", "abcd/efgh"),
    ("aws configure set x AKIAIOSFODNN7EXAMPLE", "AKIAIOSFODNN7EXAMPLE"),
    ("git clone https://me:hunter2@host/repo", "hunter2"),
    ("curl -u admin:hunter2 http://x", "hunter2"),
    ('curl -d \'{"password": "hunter2"}\' http://x', "hunter2"),
    ("echo '-----BEGIN RSA PRIVATE KEY-----\nMIIE\n-----END RSA PRIVATE KEY-----'", "MIIE"),
    ("echo -----BEGIN PRIVATE KEY----- MIIE", "MIIE"),
    ("gh auth login --with-token ghp_abcdefghijklmnopqrstuv", "ghp_abcdefghijklmnopqrstuv"),
    ("OPENAI_API_KEY=sk-abcdefghijklmnopqrstuvwx python x", "sk-abcdefghijklmnopqrstuvwx"),
]
HARMLESS = [
    "kubectl get pods -n tikv -p 5",
    "kubectl delete pod tikv-0 --grace-period=1",
    "pd-ctl -u http://pd-0:2379 store",
    "curl http://pd-0.pd-peer:2379/pd/api/v1/stores",
    "kubectl get secrets -n tikv",
    "tar -p -xf a.tar",
    "ssh -p 22 host",
    "echo the token is gone",
]


@pytest.mark.parametrize(("command", "secret"), SECRETS)
def test_secrets_are_gone_and_the_rest_is_there(command, secret):
    masked = mask(command)
    assert secret not in masked and "***" in masked
    assert masked.split()[0] == command.split()[0] or "=" in command.split()[0]


@pytest.mark.parametrize("command", HARMLESS)
def test_harmless_text_stays_as_it_is(command):
    assert mask(command) == command


@pytest.mark.parametrize("command", [command for command, _ in SECRETS])
def test_masking_twice_is_masking_once(command):
    assert mask(mask(command)) == mask(command)
