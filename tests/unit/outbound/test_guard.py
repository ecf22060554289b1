"""What may be asked: the public internet, and nothing that is written to look like it."""

from __future__ import annotations

from ipaddress import ip_address

import pytest

from ripstop.machinery.outbound import Guard, Refused
from ripstop.machinery.outbound.guard import is_public

PUBLIC = ["1.1.1.1", "9.9.9.9", "93.184.215.14", "172.15.0.1", "172.32.0.1", "192.0.1.1", "223.255.255.255"]
PUBLIC += ["2606:4700:4700::1111", "2a00:1450:4001:82b::200e", "64:ff9b::1.1.1.1"]
PRIVATE = ["0.0.0.0", "10.1.2.3", "100.64.0.1", "127.0.0.1", "127.255.255.254", "169.254.169.254", "172.16.0.1"]
PRIVATE += ["172.31.255.255", "192.0.0.8", "192.0.2.1", "192.168.1.1", "198.18.0.1", "198.51.100.1", "203.0.113.1"]
PRIVATE += ["224.0.0.1", "239.255.255.255", "240.0.0.1", "255.255.255.255", "192.88.99.1"]
PRIVATE += ["::", "::1", "::ffff:127.0.0.1", "::ffff:1.1.1.1", "::127.0.0.1", "64:ff9b::10.0.0.1", "64:ff9b:1::1"]
PRIVATE += ["100::1", "2001::1", "2001:db8::1", "2002:7f00:1::1", "3fff::1", "fc00::1", "fd12:3456::1", "fe80::1"]
PRIVATE += ["fec0::1", "ff02::1", "5f00::1"]


@pytest.mark.parametrize("address", PUBLIC)
def test_addresses_of_the_internet_are_asked(address: str) -> None:
    assert is_public(ip_address(address))
    assert Guard().permits(address, 443)
    assert Guard().permits(address, 80)
    assert not Guard().permits(address, 22)


@pytest.mark.parametrize("address", PRIVATE)
def test_no_others_are(address: str) -> None:
    assert not Guard().permits(address, 443)


def test_what_is_no_address_is_not_asked() -> None:
    for host in ("", "localhost", "2130706433", "0x7f000001", "127.1", "fe80::1%eth0", "1.1.1.1 "):
        assert not Guard().permits(host, 80)


def test_networks_can_be_allowed_at_any_port() -> None:
    guard = Guard(allowed=["127.0.0.0/8"])
    assert guard.permits("127.0.0.1", 8080)
    assert not guard.permits("::ffff:127.0.0.1", 8080)
    assert not guard.permits("10.0.0.1", 80)
    assert not guard.permits("1.1.1.1", 8080)


@pytest.mark.parametrize(
    ("url", "asked"),
    [
        ("https://example.org", "https://example.org/"),
        ("http://example.org:80/a?b=c#d", "http://example.org:80/a?b=c"),
        ("https://[2606:4700:4700::1111]/", "https://[2606:4700:4700::1111]/"),
        ("HTTPS://EXAMPLE.org/A", "https://EXAMPLE.org/A"),
    ],
)
def test_urls_are_asked_without_their_fragment(url: str, asked: str) -> None:
    assert Guard().check_url(url) == asked


@pytest.mark.parametrize(
    "url",
    [
        "",
        "example.org",
        "//example.org/",
        "ftp://example.org/",
        "file:///etc/passwd",
        "gopher://example.org/",
        "http:///path",
        "http://example.org:22/",
        "https://example.org:8443/",
        "http://example.org:99999/",
        "http://user@example.org/",
        "http://:secret@example.org/",
        "http://127.0.0.1/",
        "http://2130706433/",
        "http://127.1/",
        "http://[::1]/",
        "http://[::ffff:127.0.0.1]/",
        "http://[fe80::1%25eth0]/",
        "http://169.254.169.254/latest/meta-data/",
        "http://example.org\\@127.0.0.1/",
        "http://example.org/a b",
        "http://example.org/\x00",
        "https://example.org/" + "x" * 2_000,
    ],
)
def test_what_is_no_honest_address_of_the_web_is_refused(url: str) -> None:
    with pytest.raises(Refused):
        Guard().check_url(url)
