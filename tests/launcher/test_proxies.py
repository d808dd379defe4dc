"""Whose word about the browser's address and scheme is taken."""

from __future__ import annotations

from typing import Any

import pytest
from django.test import RequestFactory

from launcher.middleware import proxy_headers
from launcher.throttle import client_address


@pytest.mark.parametrize(
    ("peer", "forwarded", "address"),
    [
        ("203.0.113.9", "", "203.0.113.9"),
        ("203.0.113.9", "198.51.100.1", "203.0.113.9"),
        ("10.0.0.5", "198.51.100.1", "198.51.100.1"),
        ("10.0.0.5", "6.6.6.6, 198.51.100.1", "198.51.100.1"),
        ("10.0.0.5", "198.51.100.1, 10.0.0.6", "198.51.100.1"),
        ("10.0.0.5", "nonsense", "10.0.0.5"),
        ("unix", "198.51.100.1", ""),
    ],
)
def test_only_trusted_proxies_are_believed(peer: str, forwarded: str, address: str, settings: Any) -> None:
    settings.SMARTPORTAL_TRUSTED_PROXIES = ["10.0.0.0/8"]
    request = RequestFactory().get("/", REMOTE_ADDR=peer, headers={"X-Forwarded-For": forwarded} if forwarded else {})
    assert client_address(request) == address


@pytest.mark.parametrize(("peer", "kept"), [("10.0.0.5", True), ("203.0.113.9", False)])
def test_a_strangers_claim_to_have_come_by_https_is_dropped(peer: str, kept: bool, settings: Any) -> None:
    settings.SMARTPORTAL_TRUSTED_PROXIES = ["10.0.0.0/8"]
    request = RequestFactory().get("/", REMOTE_ADDR=peer, headers={"X-Forwarded-Proto": "https"})
    proxy_headers(lambda passed: passed)(request)
    assert ("X-Forwarded-Proto" in request.headers) is kept
