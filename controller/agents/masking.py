"""Masks secrets in an agent's commands and texts before they are recorded.

Text that looks like a token, a password or a key becomes `***`. A secret without a known pattern is not masked; text
that only looks like a secret is lost. Masking is idempotent. Every repetition in the patterns is bounded, because the
text may be a mebibyte long and designed to be slow to match.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

MASK = "***"

_SECRET_WORDS = r"password|passwd|passphrase|pwd|secret|token|api[_-]?key|access[_-]?key|private[_-]?key|credential"
_VALUE = r"""(?!"?\$[({A-Z_])(?:"(?:\\.|[^"\\])*"|'[^']*'|[^\s"'&;|,}{)]+)"""
"""A quoted text, or the text up to the next space, quote or operator. A shell variable is not a secret."""

_NAMES = ("pass", "pwd", "secret", "token", "key", "credential")
_FREE = ("mysql", "mysqldump", "mysqladmin", "mariadb", "sshpass", "redis-cli")
_LOGIN = ("docker", "podman", "helm", "skopeo", "oras", "oc", "az")


@dataclass(frozen=True, slots=True)
class Rule:
    """A pattern and its replacement. A text is searched only if it contains one of `signs`, which are in lower case."""

    signs: tuple[str, ...]
    pattern: re.Pattern[str]
    replacement: str


def _rule(signs: Sequence[str], pattern: str, replacement: str, flags: int = 0) -> Rule:
    return Rule(tuple(signs), re.compile(pattern, flags), replacement)


_RULES = (
    # A private key, or its beginning where the text was cut.
    _rule(
        ["private key"],
        r"(-----BEGIN [A-Z0-9 ]{0,40}PRIVATE KEY-----)(?!\*\*\*).*?(-----END [A-Z0-9 ]{0,40}PRIVATE KEY-----|\Z)",
        rf"\1{MASK}\2",
        re.DOTALL,
    ),
    # Authorization: Basic dXNlcjpwYXNz, in a header, a -H of curl's or JSON.
    _rule(
        ["authorization"],
        r"""(authorization["']?\s*[:=]\s*["']?)((?:bearer|basic|token|digest|apikey)\s+)?[^\s"',;}]+""",
        rf"\1\2{MASK}",
        re.I,
    ),
    _rule(["bearer"], r"\b(bearer\s+)[A-Za-z0-9._~+/=-]{8,}", rf"\1{MASK}", re.I),
    # X-Vault-Token: …, X-Api-Key: …, Set-Cookie: …
    _rule(
        ["x-", "cookie"],
        r"""\b(x-[a-z-]{0,30}(?:token|key|secret)|(?:set-)?cookie)(\s*:\s*)[^\s"']+""",
        rf"\1\2{MASK}",
        re.I,
    ),
    # https://user:password@host
    _rule(["@"], r"""\b([a-z][a-z0-9+.-]{1,20}://[^\s/:@"']{0,128}):[^\s/@"']{1,512}@""", rf"\1:{MASK}@", re.I),
    _rule(["eyj"], r"\beyJ[\w-]{5,}\.[\w-]{5,}\.[\w-]*", MASK),  # a JWT
    _rule(["akia", "asia", "aroa", "aida"], r"\b(?:AKIA|ASIA|AROA|AIDA)[A-Z0-9]{16}\b", MASK),  # an AWS key id
    _rule(["gh", "xox"], r"\b(?:gh[pousr]_[A-Za-z0-9]{20,}|github_pat_\w{20,}|xox[abprs]-[\w-]{10,})", MASK),
    _rule(["sk-"], r"\bsk-[A-Za-z0-9_-]{16,}", MASK),  # of model providers
    # PGPASSWORD=…, "apiKey": "…", --from-literal=db_password=…, token: …
    _rule(
        _NAMES,
        rf"""(?<![\w-])([\w.-]{{0,60}}(?:{_SECRET_WORDS})s?|[A-Z0-9_]{{1,60}}_KEY)(["']?\s*=\s*|["']\s*:\s*|:\s+){_VALUE}""",
        rf"\1\2{MASK}",
        re.I,
    ),
    # --password …, --token …; not --token-file …, which names a file
    _rule(_NAMES, rf"(--(?:\w[\w-]{{0,20}}-)?(?:{_SECRET_WORDS}))\s+(?!-){_VALUE}", rf"\1 {MASK}", re.I),
    # curl -u user:password, and the -p of programs that take a password
    _rule(
        ["-u", "--user"],
        r"""((?<!\S)(?:-u|--user)[\s=]*["']?[^\s:"']{1,128}):(?!//)[^\s"']{1,512}(?=["']?(?:\s|$))""",
        rf"\1:{MASK}",
    ),
    _rule(
        _FREE,
        rf"(\b(?:{'|'.join(_FREE)})\b[^|;&\n]{{0,120}}?\s-(?:p|a))\s*(?![\s-]){_VALUE}",
        rf"\1 {MASK}",
    ),
    _rule(
        ["login"],
        rf"(\b(?:{'|'.join(_LOGIN)})\b[^|;&\n]{{0,60}}?\blogin\b[^|;&\n]{{0,120}}?\s-p)[\s=]*(?!-){_VALUE}",
        rf"\1 {MASK}",
    ),
)


def mask(text: str) -> str:
    """Returns the text with everything that looks like a secret masked."""
    lowered = text.lower()
    for rule in _RULES:
        if any(sign in lowered for sign in rule.signs):
            text = rule.pattern.sub(rule.replacement, text)
    return text
