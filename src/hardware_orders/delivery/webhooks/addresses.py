"""Which addresses a webhook may be sent to. A name is resolved once, every address of it is checked, one is used."""

import ipaddress
import re
import socket
import threading
from collections.abc import Iterable, Sequence
from typing import NamedTuple
from urllib.parse import urlsplit

from hardware_orders.settings import Network

Address = ipaddress.IPv4Address | ipaddress.IPv6Address

URL_MOST_CHARACTERS = 2_048
# Of lookups whose names' servers do not answer: each holds a thread until the resolver gives up, some 30 seconds.
LOOKUPS_MOST = 64

# What is on no public network, or leads back into one that is not (IANA's registries of special-purpose addresses).
# Python's `is_global` is true of some of these: of multicast, of 64:ff9b::7f00:1, of 192.88.99.1.
_REFUSED = tuple(
    ipaddress.ip_network(network)
    for network in (
        "0.0.0.0/8",  # this network
        "10.0.0.0/8",  # private
        "100.64.0.0/10",  # carrier-grade NAT
        "127.0.0.0/8",  # loopback
        "169.254.0.0/16",  # link-local, and where clouds tell machines their credentials
        "172.16.0.0/12",  # private
        "192.0.0.0/24",  # protocol assignments
        "192.0.2.0/24",  # documentation
        "192.31.196.0/24",  # AS112
        "192.52.193.0/24",  # AMT
        "192.88.99.0/24",  # 6to4 relays
        "192.168.0.0/16",  # private
        "192.175.48.0/24",  # AS112
        "198.18.0.0/15",  # benchmarks
        "198.51.100.0/24",  # documentation
        "203.0.113.0/24",  # documentation
        "224.0.0.0/4",  # multicast
        "240.0.0.0/4",  # reserved, and broadcast
        "2001::/23",  # protocol assignments, and Teredo, which holds an IPv4 address
        "2001:db8::/32",  # documentation
        "2002::/16",  # 6to4, which holds an IPv4 address
        "2620:4f:8000::/48",  # AS112
        "3fff::/20",  # documentation
    )
)
# All of IPv6 that is public. Outside lie loopback, unspecified, unique local, link-local and multicast addresses, and the
# forms that hold an IPv4 address: mapped, compatible, translated (64:ff9b::/96, 64:ff9b:1::/48).
_PUBLIC_IPV6 = ipaddress.ip_network("2000::/3")

# ASCII and lower case: another spelling of a host is another host to one of two programs that read it.
_LABEL = r"[a-z0-9_]([a-z0-9_-]{0,61}[a-z0-9_])?"
_NAME = re.compile(rf"(?:{_LABEL}\.)*{_LABEL}")
_VISIBLE = re.compile(r"[!-\[\]-~]+")  # ASCII without blanks and the backslash, which some read as a slash
_NUMBER = re.compile(r"[0-9]+|0x[0-9a-f]*")


class BadUrlError(ValueError):
    """The URL cannot be a receiver's. The message is the end of a sentence that begins with the field's name."""


class RefusedAddressError(Exception):
    """A name has an address that must not be reached; no connection was made."""


class UnknownHostError(Exception):
    """A name has no address, or its servers do not answer in time."""


class Target(NamedTuple):
    """A receiver's URL, in parts. `host` is a name or a plain address, without brackets; `target` path and query."""

    scheme: str
    host: str
    port: int
    target: str

    @property
    def authority(self) -> str:
        """The `Host` header."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return host if self.port == _PORTS[self.scheme] else f"{host}:{self.port}"


_PORTS = {"https": 443, "http": 80}


def target(url: str, allowed: Sequence[Network]) -> Target:
    """The URL's parts. Raises BadUrlError for what is no receiver's URL; no name is resolved.

    An address must be one that may be reached. `http` is taken for addresses in `allowed`, and for `localhost` when
    loopback is among them: what is sent over the internet is encrypted.
    """
    if len(url) > URL_MOST_CHARACTERS:
        raise BadUrlError(f"must have at most {URL_MOST_CHARACTERS} characters")
    if not _VISIBLE.fullmatch(url):
        raise BadUrlError(
            "must be ASCII without blanks and backslashes; write a host as xn--…, and percent-encode others"
        )
    try:
        parts = urlsplit(url)
        host, port = parts.hostname, parts.port
    except ValueError:
        raise BadUrlError("must have a host and a port that can be read") from None
    if not host or port == 0 or url.partition("://")[0] not in _PORTS:
        raise BadUrlError("must begin with https:// and name a host")
    if "@" in parts.netloc:
        raise BadUrlError("must hold no user and no password; the signature says who sends")
    if "#" in url:
        raise BadUrlError("must have no fragment (#), which is never sent")
    literal = _literal(host, is_bracketed=parts.netloc.startswith("["))
    if literal is not None and not may_reach(literal, allowed):
        raise BadUrlError("must not lead to an address that is not public; the operator may allow some")
    is_inside = _is_in(literal, allowed) if literal else host == "localhost" and _has_loopback(allowed)
    if parts.scheme == "http" and not is_inside:
        raise BadUrlError("must begin with https://; http:// only for addresses that the operator allows")
    if not literal and (host == "localhost" or host.endswith(".localhost")) and not is_inside:
        raise BadUrlError("must not lead to this machine; the operator may allow that")
    path = parts.path or "/"
    return Target(parts.scheme, host, port or _PORTS[parts.scheme], f"{path}?{parts.query}" if parts.query else path)


def _literal(host: str, *, is_bracketed: bool) -> Address | None:
    """The address that the host is, None for a name. Raises BadUrlError for other spellings of either."""
    if is_bracketed:
        try:
            return ipaddress.IPv6Address(host if "%" not in host else "")
        except ValueError:
            raise BadUrlError("must hold an IPv6 address in brackets, without a zone") from None
    if not _NAME.fullmatch(host) or len(host) > 253:  # noqa: PLR2004  # RFC 1035
        raise BadUrlError("must name a host in lower case letters, digits, hyphens and dots, without a dot at its end")
    if not _NUMBER.fullmatch(host.rpartition(".")[2]):
        return None
    try:
        return ipaddress.IPv4Address(host)
    except ValueError:
        # 2130706433, 0x7f000001, 0177.0.0.1 and 127.1 are addresses to the system's resolver.
        raise BadUrlError("must hold an IPv4 address as four decimal numbers, such as 203.0.113.7") from None


def may_reach(address: Address, allowed: Iterable[Network]) -> bool:
    """True for public addresses, and for those that the operator allows besides."""
    if _is_in(address, allowed):
        return True
    if isinstance(address, ipaddress.IPv6Address) and address not in _PUBLIC_IPV6:
        return False
    return not _is_in(address, _REFUSED)


def _is_in(address: Address, networks: Iterable[Network]) -> bool:
    return any(address in network for network in networks)  # of another version, it is in none


def _has_loopback(allowed: Iterable[Network]) -> bool:
    return _is_in(ipaddress.IPv4Address("127.0.0.1"), allowed)


def resolve(wanted: Target, allowed: Sequence[Network], seconds: float) -> str:
    """The address to connect to. Raises RefusedAddressError if any of the name's may not be reached; UnknownHostError.

    All are looked at, since whoever owns the name chooses which of them is taken.
    """
    found = _looked_up(wanted, seconds)
    plain = wanted.scheme == "http"  # only what the operator allows is sent in clear
    if not found or not all(_is_in(one, allowed) if plain else may_reach(one, allowed) for one in found):
        raise RefusedAddressError
    return str(found[0])


_lookups = threading.BoundedSemaphore(LOOKUPS_MOST)


def _looked_up(wanted: Target, seconds: float) -> list[Address]:
    """Every address of the host, within so many seconds: the system's resolver knows no bound of a caller's."""
    found: list[Address] = []
    done = threading.Event()

    def look_up() -> None:
        try:
            rows = socket.getaddrinfo(wanted.host, wanted.port, type=socket.SOCK_STREAM)
            found.extend(ipaddress.ip_address(str(row[4][0])) for row in rows)
        except (OSError, ValueError):  # with a zone, an address is none: it is of one machine's own network
            found.clear()
        finally:
            _lookups.release()
            done.set()

    if not _lookups.acquire(blocking=False):
        raise UnknownHostError
    threading.Thread(target=look_up, name="webhook-lookup", daemon=True).start()
    if not done.wait(seconds) or not found:
        raise UnknownHostError
    return found
