"""NO_PROXY, as Go's httpproxy reads it."""

from __future__ import annotations

import pytest

from controller.connection.proxies import bypasses, proxy_from_environment


@pytest.mark.parametrize(
    ("host", "port", "no_proxy", "is_bypassed"),
    [
        ("example.com", 443, "", False),
        ("example.com", 443, "*", True),
        ("example.com", 443, "example.com", True),
        ("a.example.com", 443, "example.com", True),
        ("a.example.com", 443, ".example.com", True),
        ("example.com", 443, ".example.com", False),
        ("a.example.com", 443, "*.example.com", True),
        ("example.com", 443, "*.example.com", False),
        ("badexample.com", 443, "example.com", False),
        ("EXAMPLE.com", 443, "Example.COM", True),
        ("example.com", 443, "other, example.com ", True),
        ("example.com", 443, "example.com:443", True),
        ("example.com", 443, "example.com:80", False),
        ("10.1.2.3", 443, "10.0.0.0/8", True),
        ("11.1.2.3", 443, "10.0.0.0/8", False),
        ("10.1.2.3", 443, "10.1.2.3", True),
        ("10.1.2.3", 443, "10.1.2.3:80", False),
        ("10.1.2.3", 443, "1.2.3", False),
        ("fd00::1", 443, "fd00::/8", True),
        ("fd00::1", 443, "[fd00::1]:443", True),
        ("fd00::1", 443, "[fd00::1]:80", False),
        ("fd00::1", 443, "fd00:0::1", True),
        ("::ffff:10.1.2.3", 443, "10.0.0.0/8", True),
        ("example.com", 443, "10.0.0.0/8,,/,:,[]", False),
        ("localhost", 443, "", True),
        ("127.0.0.9", 443, "", True),
        ("::1", 443, "", True),
    ],
)
def test_who_is_reached_without_a_proxy(host: str, port: int, no_proxy: str, is_bypassed: bool) -> None:
    assert bypasses(host, port, no_proxy) is is_bypassed


def test_each_scheme_has_its_own_variable_and_big_letters_go_first() -> None:
    environment = {
        "HTTP_PROXY": "http://a",
        "https_proxy": "http://b",
        "HTTPS_PROXY": "http://c",
        "ALL_PROXY": "http://d",
    }
    assert proxy_from_environment("http://x", environment) == "http://a"
    assert proxy_from_environment("https://x", environment) == "http://c"
    assert proxy_from_environment("https://x", {"ALL_PROXY": "http://d"}) is None


def test_a_bare_host_is_reached_by_http() -> None:
    assert proxy_from_environment("https://x", {"HTTPS_PROXY": "proxy:3128"}) == "http://proxy:3128"
