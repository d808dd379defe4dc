"""How a simulated EHR gets the app's public keys: the loopback of the simulation.

A real EHR fetches the registered JWKS address over HTTP. The simulators run inside the app's own site, and only the
launcher's door may make HTTP requests; so the address is resolved and its view called in this process, which sees what
an HTTP client would see. Nothing of the app is imported. Tests replace `fetch`.
"""

from __future__ import annotations

import io
import json
from collections.abc import Callable
from typing import Any
from urllib.parse import urlsplit

from django.core.handlers.wsgi import WSGIRequest
from django.urls import Resolver404, resolve

Keys = list[dict[str, Any]]


class KeysError(ValueError):
    """The keys cannot be had."""


def loopback(url: str) -> Keys:
    """The keys of the set at an address of this site (RFC 7517, section 5); raises KeysError."""
    parts = urlsplit(url)
    try:
        match = resolve(parts.path)
    except Resolver404 as error:
        raise KeysError("nothing answers at the registered JWKS address") from error
    answer = match.func(_request(parts.path, parts.hostname or "", parts.scheme), *match.args, **match.kwargs)
    if answer.status_code != 200:
        raise KeysError(f"the registered JWKS address answered {answer.status_code}")
    return keys_in(answer.content)


def keys_in(body: bytes) -> Keys:
    """The keys of a JWK Set; raises KeysError."""
    try:
        found = json.loads(body)
    except ValueError as error:
        raise KeysError("the registered JWKS address does not answer in JSON") from error
    keys = found.get("keys") if isinstance(found, dict) else None
    if not isinstance(keys, list):
        raise KeysError("the registered JWKS address answers with no key set")
    return [key for key in keys if isinstance(key, dict)]


def _request(path: str, host: str, scheme: str) -> WSGIRequest:
    return WSGIRequest(
        {
            "REQUEST_METHOD": "GET",
            "PATH_INFO": path,
            "SERVER_NAME": host,
            "SERVER_PORT": "443" if scheme == "https" else "80",
            "SERVER_PROTOCOL": "HTTP/1.1",
            "HTTP_ACCEPT": "application/json",
            "wsgi.url_scheme": scheme,
            "wsgi.input": io.BytesIO(),
        }
    )


fetch: Callable[[str], Keys] = loopback
