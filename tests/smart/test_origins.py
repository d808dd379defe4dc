"""Issuers and addresses compared as parsed parts; the guard row by row."""

from __future__ import annotations

from ipaddress import ip_network

import pytest

from launcher.smart.origins import Base, check_address, is_below, join, origin_of, parse_base, same_base

REGISTERED = "https://fhir.hosp.org/r4"


@pytest.mark.parametrize(
    "spelling",
    [
        "https://fhir.hosp.org/r4",
        "https://fhir.hosp.org/r4/",
        "HTTPS://FHIR.HOSP.ORG/r4",
        "https://fhir.hosp.org:443/r4",
        "hTTps://Fhir.Hosp.Org:443/r4/",
    ],
)
def test_the_three_documented_equivalences_match(spelling: str) -> None:
    assert same_base(spelling, REGISTERED)
    assert parse_base(spelling) == parse_base(REGISTERED)
    assert hash(parse_base(spelling)) == hash(parse_base(REGISTERED))
    assert is_below(f"{spelling.rstrip('/')}/Patient/1", REGISTERED)


LOOK_ALIKES = [
    "https://fhir.hosp.org:8443/r4",
    "http://fhir.hosp.org/r4",
    "https://fhir.hosp.org.evil.test/r4",
    "https://fhir.hosp.org@evil.test/r4",
    "https://evil.test@fhir.hosp.org/r4",
    "https://:@fhir.hosp.org/r4",
    "https://fhir.hosp.org\\@evil.test/r4",
    "https://evil.test\\@fhir.hosp.org/r4",
    "https://evil.test\\.fhir.hosp.org/r4",
    "https://fhir.hosp.org%2eevil.test/r4",
    "https://fhir.hosp%2eorg/r4",
    "https://fhir.hosp.org%00.evil.test/r4",
    "https://fhir.hosp.org#@evil.test/r4",
    "https://evil.test#fhir.hosp.org/r4",
    "https://evil.test?fhir.hosp.org/r4",
    "https://fhir.hоsp.org/r4",  # a Cyrillic o
    "https://fhir.hosp。org/r4",  # an ideographic full stop
    "https://xn--fhir-hosp.org/r4",
    "https://fhir.hosp.org./r4",
    "https://fhir..hosp.org/r4",
    "https://fhir.hosp.org:/r4",
    "https://fhir.hosp.org:0443/r4",
    "https://fhir.hosp.org:99999/r4",
    "https://fhir.hosp.org:443:443/r4",
    "https://fhir.hosp.org/R4",
    "https://fhir.hosp.org/r4x",
    "https://fhir.hosp.org/r",
    "https://fhir.hosp.org",
    "https://fhir.hosp.org//r4",
    "https://fhir.hosp.org/r4//",
    "https://fhir.hosp.org/./r4",
    "https://fhir.hosp.org/x/../r4",
    "https://fhir.hosp.org/x/%2e%2e/r4",
    "https://fhir.hosp.org/%72%34",
    "https://fhir.hosp.org%2fr4",
    " https://fhir.hosp.org/r4",
    "https://fhir.hosp.org/r4 ",
    "https://fhir.hosp.org/r4\n",
    "https://fhir.hosp\t.org/r4",
    "https://fhir.hosp.org/r4\x00",
    "https:/fhir.hosp.org/r4",
    "https:///fhir.hosp.org/r4",
    "https:fhir.hosp.org/r4",
    "//fhir.hosp.org/r4",
    "fhir.hosp.org/r4",
    "javascript://fhir.hosp.org/r4",
    "https://",
    "",
]


@pytest.mark.parametrize("other", LOOK_ALIKES)
def test_a_look_alike_does_not_match_and_nothing_below_it_does(other: str) -> None:
    assert not same_base(other, REGISTERED)
    assert not same_base(REGISTERED, other)
    assert not is_below(other, REGISTERED)
    assert not is_below(f"{other}/Patient/1", REGISTERED)


@pytest.mark.parametrize("suffix", ["?x=1", "#x", "?", "#", "/?x", "?#"])
def test_a_base_has_no_query_and_no_fragment(suffix: str) -> None:
    assert not same_base(REGISTERED + suffix, REGISTERED)
    with pytest.raises(ValueError, match=r"."):
        parse_base(REGISTERED + suffix)


@pytest.mark.parametrize(
    "address",
    [
        "ftp://fhir.hosp.org/",
        "file:///etc/passwd",
        "gopher://fhir.hosp.org/",
        "http://2130706433/",
        "http://0177.0.0.1/",
        "http://0x7f000001/",
        "http://127.1/",
        "http://127.0.0.0x1/",
        "http://1.2.3.256/",
        "http://[::1/",
        "http://[::1]x/",
        "http://[fe80::1%25eth0]/",
        "http://[v1.a]/",
        "https://" + "a" * 64 + ".org/",
        "https://" + "a." * 130 + "org/",
        "https://fhir.hosp.org/a%5cb",
        "https://fhir.hosp.org/a%2Fb",
        "https://fhir.hosp.org/%252e%252e/b",
        "https://fhir.hosp.org/a%0ab",
        "https://fhir.hosp.org/a%zz",
        "https://fhir.hosp.org/a%",
        "https://fhir.hosp.org/..;/r4",
        "https://fhir.hosp.org/..%3bx/r4",
        "https://fhir.hosp.org/;x/r4",
    ],
)
def test_what_the_grammar_does_not_know_is_refused(address: str) -> None:
    with pytest.raises(ValueError, match=r"."):
        parse_base(address)
    with pytest.raises(ValueError, match=r"."):
        origin_of(address)


@pytest.mark.parametrize(
    ("written", "text"),
    [
        ("HTTPS://FHIR.Hosp.org:443/r4/", "https://fhir.hosp.org/r4"),
        ("http://localhost:8000", "http://localhost:8000"),
        ("https://[2001:DB8::0:1]:443/", "https://[2001:db8::1]"),
        ("https://[2001:db8::1]:8443/a/b", "https://[2001:db8::1]:8443/a/b"),
        ("https://192.0.2.7/fhir", "https://192.0.2.7/fhir"),
        ("https://ehr_1.hosp.org/a%20b/C", "https://ehr_1.hosp.org/a%20b/C"),
    ],
)
def test_the_text_of_a_base_is_normalised_and_parses_to_itself(written: str, text: str) -> None:
    assert str(parse_base(written)) == text
    assert parse_base(text) == parse_base(written)


def test_the_origin_is_the_base_without_its_path() -> None:
    assert parse_base(REGISTERED).origin == Base("https", "fhir.hosp.org", 443)
    assert origin_of("https://fhir.hosp.org:443/token?x=1") == parse_base(REGISTERED).origin
    assert origin_of("http://fhir.hosp.org/") != parse_base(REGISTERED).origin


@pytest.mark.parametrize(
    "url",
    [
        "https://fhir.hosp.org/r4",
        "https://fhir.hosp.org/r4/",
        "https://fhir.hosp.org/r4?_getpages=1&x=/../",
        "https://fhir.hosp.org:443/r4/Patient/1",
        "https://fhir.hosp.org/r4/Condition?patient=1&code=a|b",
        "https://fhir.hosp.org/r4/Patient/a%20b",
    ],
)
def test_what_lies_below_a_base_is_below_it(url: str) -> None:
    assert is_below(url, REGISTERED)
    assert is_below(url, parse_base(REGISTERED))
    assert is_below(url, "https://fhir.hosp.org")


@pytest.mark.parametrize(
    "tail",
    [
        "/../b/Patient/1",
        "/%2e%2e/b/Patient/1",
        "/%2E%2e/b",
        "/.%2e/b",
        "/..%2fb",
        "/..%5cb",
        "/..\\b",
        "/..;/b",
        "/..;x=1/b",
        "/..%3B/b",
        "/%252e%252e/b",
        "//b",
        "/./Patient",
        "/Patient#x",
        "/Patient?x=a b",
        "/Patient?x=\n",
        "/Patient?x=é",
        "/Patient?x=\\",
        "x/Patient/1",
        "%20/Patient/1",
    ],
)
def test_a_path_trick_does_not_stay_below_its_base(tail: str) -> None:
    assert not is_below("https://one.test/a/r4" + tail, "https://one.test/a/r4")


def test_a_neighbour_on_the_same_host_is_not_below() -> None:
    assert not is_below("https://one.test/b/r4/Patient/1", "https://one.test/a/r4")
    assert not is_below("https://one.test/a", "https://one.test/a/r4")
    assert not is_below("https://one.test/a/r4/Patient", "not a base")


@pytest.mark.parametrize(
    ("relative", "joined"),
    [
        ("auth/token", "https://one.test/a/r4/auth/token"),
        ("/auth/token", "https://one.test/auth/token"),
        ("../token?x=1", "https://one.test/a/token?x=1"),
        ("?page=2", "https://one.test/a/r4/?page=2"),
        ("https://login.test/token", "https://login.test/token"),
        ("//login.test/token", "https://login.test/token"),
    ],
)
def test_a_reference_is_resolved_against_the_base_as_a_folder(relative: str, joined: str) -> None:
    assert join("https://one.test/a/r4", relative) == joined
    assert join(parse_base("https://one.test/a/r4/"), relative) == joined


@pytest.mark.parametrize(
    "relative",
    ["", "javascript:alert(1)", "data:,x", "ftp://one.test/", "https://one.test/a/../b", "%2e%2e/x", "a b", "a\\b",
     "x#y", "//a@b/", "https:///x", "java\nscript:x"],
)  # fmt: skip
def test_a_reference_that_gives_no_usable_url_is_refused(relative: str) -> None:
    with pytest.raises(ValueError, match=r"."):
        join("https://one.test/a/r4", relative)


PUBLIC = ["8.8.8.8", "1.1.1.1", "100.63.255.255", "100.128.0.1", "172.15.0.1", "172.32.0.1", "2606:4700::1111",
          "2a00:1450:4001::1", "::ffff:8.8.8.8", "64:ff9b::808:808", "2002:808:808::1"]  # fmt: skip

NOT_PUBLIC = [
    "127.0.0.1", "127.255.255.254", "0.0.0.0", "0.1.2.3", "10.0.0.1", "172.16.0.1", "172.31.255.255",  # noqa: S104 - no binding
    "192.168.1.1",
    "100.64.0.1", "100.127.255.255", "100.100.100.200", "169.254.169.254", "169.254.0.1", "192.0.0.1", "192.0.0.192",
    "192.0.2.1", "198.51.100.1", "203.0.113.1", "198.18.0.1", "198.19.255.255", "192.88.99.1", "168.63.129.16",
    "224.0.0.1", "239.255.255.255", "240.0.0.1", "255.255.255.255",
    "::", "::1", "fe80::1", "fe80::1%eth0", "fec0::1", "fc00::1", "fd00:ec2::254", "ff02::1", "2001:db8::1", "3fff::1",
    "100::1", "2001::1", "2001:10::1", "::127.0.0.1", "::ffff:0:127.0.0.1", "64:ff9b:1::1", "4000::1",
    "::ffff:127.0.0.1", "::ffff:10.0.0.1", "::ffff:169.254.169.254", "64:ff9b::7f00:1", "64:ff9b::a9fe:a9fe",
    "2002:7f00:1::", "2002:a00:1::1", "2002:a9fe:a9fe::1",
]  # fmt: skip


@pytest.mark.parametrize("address", PUBLIC)
def test_a_public_address_is_let_through_with_https_alone(address: str) -> None:
    assert check_address(address, networks=(), scheme="https")
    assert not check_address(address, networks=(), scheme="http")


@pytest.mark.parametrize("address", NOT_PUBLIC)
def test_an_address_that_is_not_public_is_refused(address: str) -> None:
    assert not check_address(address, networks=(), scheme="https")
    assert not check_address(address, networks=(), scheme="http")
    assert not check_address(address, networks=(ip_network("192.0.3.0/24"), ip_network("fd12::/16")), scheme="https")


@pytest.mark.parametrize("spelling", ["2130706433", "0177.0.0.1", "0x7f.0.0.1", "127.1", "8.8.8.8 ", "", "localhost"])
def test_an_address_in_another_spelling_is_no_address(spelling: str) -> None:
    assert not check_address(spelling, networks=(ip_network("0.0.0.0/0"),), scheme="https")


def test_a_listed_network_is_let_through_with_both_schemes_and_nothing_beside_it() -> None:
    networks = (ip_network("10.20.0.0/16"), ip_network("fd12:3456::/32"))
    for address in ("10.20.0.1", "10.20.255.255", "::ffff:10.20.0.1", "fd12:3456::7"):
        assert check_address(address, networks=networks, scheme="http")
        assert check_address(address, networks=networks, scheme="https")
    for address in ("10.19.255.255", "10.21.0.0", "fd12:3457::1", "127.0.0.1"):
        assert not check_address(address, networks=networks, scheme="https")
    assert not check_address("8.8.8.8", networks=networks, scheme="http")


def test_an_embedded_address_is_judged_by_itself_even_when_its_wrapping_is_listed() -> None:
    everything = (ip_network("::/0"),)
    assert not check_address("::ffff:127.0.0.1", networks=everything, scheme="http")
    assert not check_address("64:ff9b::7f00:1", networks=everything, scheme="http")
