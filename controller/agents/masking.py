"""Secrets in what an agent ran, masked before anything is stored. Pure, and doing it twice is doing it once.

By shape alone: what looks like a secret, or stands where one stands. Harmless text stays as it is.
"""

from __future__ import annotations

import re

MASK = "***"

VALUE = r"(?:\"[^\"]*\"|'[^']*'|[^\s\"'&;|,}\]]+)"
NAMED = (
    r"[A-Za-z0-9_.-]*"
    r"(?:password|passwd|passphrase|secret|token|api[_-]?key|access[_-]?key|private[_-]?key|credential)s?"
)

RULES: tuple[tuple[re.Pattern[str], str], ...] = (
    (re.compile(r"-----BEGIN ([A-Z ]*)PRIVATE KEY-----.*?(?:-----END \1PRIVATE KEY-----|\Z)", re.S), MASK),
    # user:password@ in a URL.
    (re.compile(r"(?P<keep>[a-z][a-z0-9+.-]*://[^\s/:@]*:)[^\s/@]+(?P<rest>@)", re.I), rf"\g<keep>{MASK}\g<rest>"),
    (re.compile(r"(?P<keep>\bauthorization\s*[:=]\s*(?:bearer|basic|token)\s+)[^\s\"']+", re.I), rf"\g<keep>{MASK}"),
    (re.compile(r"(?P<keep>\bbearer\s+)[A-Za-z0-9._~+/=-]{8,}", re.I), rf"\g<keep>{MASK}"),
    # curl -u user:password
    (re.compile(r"(?P<keep>(?:^|\s)(?:-u|--user)[ =]\s*[^\s:\"'/]+:)(?!//)[^\s\"']+"), rf"\g<keep>{MASK}"),
    # --password VALUE, --token=VALUE, and the short form that database clients have, glued to its value.
    (re.compile(rf"(?P<keep>--{NAMED}(?:=|\s+)){VALUE}", re.I), rf"\g<keep>{MASK}"),
    (re.compile(r"(?P<keep>\b(?:mysql|mysqldump|mysqladmin|sshpass)\b[^|;&]*?\s-p)\s?[^\s|;&]+"), rf"\g<keep>{MASK}"),
    # NAME=VALUE, and "name": "value" in JSON or YAML.
    (re.compile(rf"(?P<keep>\b{NAMED}=){VALUE}", re.I), rf"\g<keep>{MASK}"),
    (re.compile(rf"(?P<keep>[\"']?\b{NAMED}[\"']?\s*:\s*)(?!//){VALUE}", re.I), rf"\g<keep>{MASK}"),
    # What gives itself away: AWS keys, JSON web tokens, GitHub's and OpenAI's keys.
    (re.compile(r"\b(?:AKIA|ASIA)[0-9A-Z]{16}\b"), MASK),
    (re.compile(r"\beyJ[A-Za-z0-9_-]{6,}\.[A-Za-z0-9_-]{6,}\.[A-Za-z0-9_-]*"), MASK),
    (re.compile(r"\b(?:gh[pousr]_[A-Za-z0-9]{20,}|github_pat_[A-Za-z0-9_]{20,}|sk-[A-Za-z0-9_-]{20,})"), MASK),
)


def mask(text: str) -> str:
    """The text without its secrets."""
    for pattern, instead in RULES:
        text = pattern.sub(instead, text)
    return text
