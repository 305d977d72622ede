"""What looks like a secret goes, all else stays as it is, and doing it again changes nothing."""

from __future__ import annotations

import pytest

from controller.agents.masking import mask

JWT = "eyJhbGciOiJSUzI1NiJ9.eyJzdWIiOiJzeXN0ZW0ifQ.c2lnbmF0dXJl"
PEM = "-----BEGIN RSA PRIVATE KEY-----\nMIIEow\nhunter2\n-----END RSA PRIVATE KEY-----"

HIDDEN = {
    "curl -H 'Authorization: Bearer hunter2hunter2' http://pd:2379": "curl -H 'Authorization: Bearer ***' http://pd:2379",
    "Authorization: Basic aHVudGVyMg==": "Authorization: Basic ***",
    "Authorization: hunter2": "Authorization: ***",
    '{"authorization": "Bearer hunter2hunter2"}': '{"authorization": "Bearer ***"}',
    "use bearer hunter2hunter2 then": "use bearer *** then",
    "kubectl --token hunter2 get pods": "kubectl --token *** get pods",
    "kubectl --token=hunter2 get pods": "kubectl --token=*** get pods",
    "mysql --user=root --password=hunter2 -e 'select 1'": "mysql --user=root --password=*** -e 'select 1'",
    "mysql --password 'hunter 2' tidb": "mysql --password *** tidb",
    "mysql -uroot -phunter2 tidb": "mysql -uroot -p *** tidb",
    "docker login -u me -p hunter2 example.org": "docker login -u me -p *** example.org",
    "PGPASSWORD=hunter2 psql": "PGPASSWORD=*** psql",
    "export GITHUB_TOKEN=hunter2; make": "export GITHUB_TOKEN=***; make",
    "export STRIPE_KEY='hunter2'": "export STRIPE_KEY=***",
    "SECRET=hunter2 ./run": "SECRET=*** ./run",
    "AWS_SECRET_ACCESS_KEY=hunter2/hunter+2 aws s3 ls": "AWS_SECRET_ACCESS_KEY=*** aws s3 ls",
    "kubectl create secret generic x --from-literal=db_password=hunter2": (
        "kubectl create secret generic x --from-literal=db_password=***"
    ),
    "psql postgres://app:hunter2@db:5432/app": "psql postgres://app:***@db:5432/app",
    "curl -u admin:hunter2 http://grafana/api": "curl -u admin:*** http://grafana/api",
    "curl --user 'admin:hunter2' http://grafana/api": "curl --user 'admin:***' http://grafana/api",
    "aws configure set AKIAIOSFODNN7EXAMPLE": "aws configure set ***",
    f"curl http://x/?t={JWT}": "curl http://x/?t=***",
    f"echo '{PEM}' > key": "echo '-----BEGIN RSA PRIVATE KEY-----***-----END RSA PRIVATE KEY-----' > key",
    "-----BEGIN PRIVATE KEY-----\nhunter2, cut off": "-----BEGIN PRIVATE KEY-----***",
    '{"apiKey": "hunter2", "n": 1}': '{"apiKey": ***, "n": 1}',
    '{"db":{"password":"hunter2","n":1}}': '{"db":{"password":***,"n":1}}',
    "tokens=hunter2": "tokens=***",
    "password: hunter2": "password: ***",
    "curl -H 'X-Vault-Token: hunter2' http://v": "curl -H 'X-Vault-Token: ***' http://v",
}

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
    "kubectl get pods -n tikv -o wide",
    'kubectl -p \'{"spec":{"replicas":3}}\' patch sts tikv',
    "kubectl logs -p tikv-0",
    "mkdir -p /tmp/a && ssh -p 22 host",
    "curl http://pd-0.pd-peer.tikv:2379/pd/api/v1/stores",
    "evalcampaign forward --token-file /etc/token --db operator.db",
    "the region's key range is 7A to 7B, and its tokens are few",
    "kubectl get secret tikv-tls",
    'TOKEN=$(cat /etc/token) kubectl --token "$TOKEN" get pods',
    "curl -u http://pd:2379 x",
    "pd-ctl -u http://pd:2379 store",
    "",
]


@pytest.mark.parametrize("text", HIDDEN)
def test_a_secret_is_hidden_and_the_rest_stays(text: str) -> None:
    assert mask(text) == HIDDEN[text]
    assert "hunter" not in mask(text)


@pytest.mark.parametrize(("text", "secret"), SECRETS)
def test_nothing_of_a_secret_is_left(text: str, secret: str) -> None:
    assert secret not in mask(text) and "***" in mask(text)


@pytest.mark.parametrize("text", [*HIDDEN, *HARMLESS, *(text for text, _ in SECRETS)])
def test_masking_twice_is_masking_once(text: str) -> None:
    assert mask(mask(text)) == mask(text)


@pytest.mark.parametrize("text", HARMLESS)
def test_what_is_no_secret_stays_as_it_is(text: str) -> None:
    assert mask(text) == text


def test_long_text_made_to_be_slow_is_masked_all_the_same() -> None:
    for crumb in (
        "a",
        "-",
        "x=",
        "password",
        "eyJ",
        "-----BEGIN PRIVATE KEY-----",
        "http://a:",
        "mysql ",
        "'",
        '"',
        "Bearer ",
    ):
        assert len(mask(crumb * (65536 // len(crumb)))) > 0
