"""Secrets are taken out of what an agent ran or said before it is kept.

By shape, not by knowledge: what looks like a token, a password or a key becomes `***`. A secret that looks like nothing
in particular gets through; text that only looks like one is lost. Masking twice is masking once. Every repetition has a
bound: the text may be a mebibyte, and whoever wrote it may want this to take long.
"""

from __future__ import annotations

import re

MASK = "***"

_SECRET_WORDS = r"password|passwd|passphrase|pwd|secret|token|api[_-]?key|access[_-]?key|private[_-]?key|credentials?"
_VALUE = r"""(?!"?\$[({A-Z_])(?:"(?:\\.|[^"\\])*"|'[^']*'|[^\s"'&;|,}{)]+)"""
"""A quoted text, or what reaches to the next space, quote or operator. What a shell is to fill in is no secret yet."""

_RULES: tuple[tuple[re.Pattern[str], str], ...] = (
    # A whole key, or as much of it as there is.
    (
        re.compile(
            r"(-----BEGIN [A-Z0-9 ]*PRIVATE KEY-----)(?!\*\*\*).*?(-----END [A-Z0-9 ]*PRIVATE KEY-----|\Z)", re.DOTALL
        ),
        rf"\1{MASK}\2",
    ),
    # Authorization: Basic dXNlcjpwYXNz, in a header, a -H of curl's or JSON.
    (
        re.compile(
            r"""((?:proxy-)?authorization["']?\s*[:=]\s*["']?)((?:bearer|basic|token|digest|apikey)\s+)?[^\s"',;}]+""",
            re.I,
        ),
        rf"\1\2{MASK}",
    ),
    (re.compile(r"\b(bearer\s+)[A-Za-z0-9._~+/=-]{8,}", re.I), rf"\1{MASK}"),
    # X-Vault-Token: …, X-Api-Key: …, Set-Cookie: …
    (re.compile(r"""\b(x-[a-z-]{0,30}(?:token|key|secret)|(?:set-)?cookie)(\s*:\s*)[^\s"']+""", re.I), rf"\1\2{MASK}"),
    # https://user:password@host
    (re.compile(r"\b([a-z][a-z0-9+.-]{1,20}://[^\s/:@\"']{0,128}):[^\s/@\"']{1,512}@", re.I), rf"\1:{MASK}@"),
    (re.compile(r"\beyJ[\w-]{5,}\.[\w-]{5,}\.[\w-]*"), MASK),  # a JWT
    (re.compile(r"\b(?:AKIA|ASIA|AROA|AIDA)[A-Z0-9]{16}\b"), MASK),  # an AWS key id
    (re.compile(r"\b(?:gh[pousr]_[A-Za-z0-9]{20,}|github_pat_\w{20,}|xox[abprs]-[\w-]{10,})"), MASK),
    (re.compile(r"\bsk-[A-Za-z0-9_-]{16,}"), MASK),  # of model providers
    # PGPASSWORD=…, "apiKey": "…", --from-literal=db_password=…, token: …
    (
        re.compile(
            rf"""(?<![\w-])([\w.-]{{0,60}}(?:{_SECRET_WORDS})|[A-Z0-9_]{{1,60}}_KEY)(["']?\s*(?:=|:\s)\s*){_VALUE}""",
            re.I,
        ),
        rf"\1\2{MASK}",
    ),
    # --password …, --token …; not --token-file …, which names a file
    (re.compile(rf"(--(?:\w[\w-]{{0,20}}-)?(?:{_SECRET_WORDS}))\s+(?!-){_VALUE}", re.I), rf"\1 {MASK}"),
    # -u user:password of curl's, and -p of those that take a password by it
    (
        re.compile(r"""((?<!\S)(?:-u|--user)[\s=]*["']?[^\s:"']{1,128}):(?!//)[^\s"']{1,512}(?=["']?(?:\s|$))"""),
        rf"\1:{MASK}",
    ),
    (
        re.compile(
            rf"(\b(?:mysql|mysqldump|mysqladmin|mariadb|sshpass|redis-cli)\b[^|;&\n]{{0,120}}?\s-(?:p|a))\s*(?![\s-]){_VALUE}"
        ),
        rf"\1 {MASK}",
    ),
    (
        re.compile(
            rf"(\b(?:docker|podman|helm|skopeo|oras|oc|az)\b[^|;&\n]{{0,60}}?\blogin\b[^|;&\n]{{0,120}}?\s-p)[\s=]*(?!-){_VALUE}"
        ),
        rf"\1 {MASK}",
    ),
)


def mask(text: str) -> str:
    """The text without what looks like a secret."""
    for pattern, replacement in _RULES:
        text = pattern.sub(replacement, text)
    return text
