"""Chooses the proxy for a server, by the rules of Go's `httpproxy`, which kubectl follows. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from ipaddress import IPv4Address, IPv6Address, ip_address, ip_network
from urllib.parse import urlsplit

Address = IPv4Address | IPv6Address


class InvalidProxy(Exception):
    """A proxy cannot be used. The text continues a sentence that begins with its name: `is no URL`."""


def proxy_url(text: str) -> str:
    """Returns a proxy's URL. Raises InvalidProxy, also for socks5, which kubectl supports and this program does not."""
    try:
        url = urlsplit(text)
        usable = bool(url.scheme and url.hostname) and (url.port is None or url.port > 0)
    except ValueError:
        usable = False
    if not usable or not text.isascii() or not text.isprintable() or " " in text:
        raise InvalidProxy("is no URL")
    if url.scheme in ("socks5", "socks5h"):
        raise InvalidProxy(f"is a {url.scheme} proxy, which is not supported here: use one for http or https")
    if url.scheme not in ("http", "https"):
        raise InvalidProxy(f"has the scheme {url.scheme}, which must be http or https")
    return text


def proxy_from_environment(server: str, environment: Mapping[str, str]) -> str | None:
    """Returns the proxy that HTTPS_PROXY, HTTP_PROXY and NO_PROXY give for a server, or None. Raises InvalidProxy."""
    url = urlsplit(server)
    name = "HTTPS_PROXY" if url.scheme == "https" else "HTTP_PROXY"
    proxy = _either(environment, name)
    port = url.port or (443 if url.scheme == "https" else 80)
    if not proxy or bypasses(url.hostname or "", port, _either(environment, "NO_PROXY")):
        return None
    try:
        parts = urlsplit(proxy)
        bare = not parts.scheme or not parts.netloc
    except ValueError:
        bare = True
    return proxy_url(f"http://{proxy}" if bare else proxy)


def bypasses(host: str, port: int, no_proxy: str) -> bool:
    """Returns whether this host is reached without a proxy: NO_PROXY lists it, or it is this machine."""
    host = host.lower().strip().rstrip(".") if host != "." else host
    address = _address(host)
    if host == "localhost" or (address is not None and address.is_loopback):
        return True
    return any(_covers(entry.strip().lower(), host, address, port) for entry in no_proxy.split(","))


def _covers(entry: str, host: str, address: Address | None, port: int) -> bool:
    if entry in ("", "*"):
        return entry == "*"
    if "/" in entry:
        try:
            network = ip_network(entry, strict=False)
        except ValueError:
            return False
        return address is not None and address in network
    name, of_port = _host_and_port(entry)
    if not name or (of_port and of_port != str(port)):
        return False
    named = _address(name)
    if named is not None:
        return named == address
    if address is not None:
        return False
    if name.startswith("*."):
        name = name[1:]
    return host.endswith(name) if name.startswith(".") else host == name or host.endswith(f".{name}")


def _host_and_port(entry: str) -> tuple[str, str]:
    if entry.startswith("["):
        name, _, port = entry[1:].partition("]")
        return name, port.removeprefix(":")
    if entry.count(":") == 1:
        name, _, port = entry.partition(":")
        return name, port
    return entry, ""


def _address(text: str) -> Address | None:
    try:
        found = ip_address(text)
    except ValueError:
        return None
    return found.ipv4_mapped or found if isinstance(found, IPv6Address) else found


def _either(environment: Mapping[str, str], name: str) -> str:
    return environment.get(name) or environment.get(name.lower(), "")
