"""The address that Prometheus asks, for the networks that may (docs/metrics.md); for all others there is none."""

from __future__ import annotations

from ipaddress import IPv6Address, ip_address

from django.http import HttpRequest, HttpResponse
from prometheus_client.exposition import CONTENT_TYPE_PLAIN_0_0_4

from launcher import conf, metrics, metrics_rows
from launcher.error_pages import error_page
from launcher.smart.errors import SmartError
from launcher.throttle import client_address, is_trusted_proxy
from launcher.tracing import new_reference


def may_scrape(request: HttpRequest) -> bool:
    """Whether the client's address is one of SMARTPORTAL_METRICS_NETWORKS.

    X-Forwarded-For counts from a trusted proxy alone; this is asked before the middleware that drops everybody else's.
    """
    peer = request.META.get("REMOTE_ADDR", "")
    try:
        address = ip_address(client_address(request) if is_trusted_proxy(peer) else peer)
    except ValueError:
        return False
    if isinstance(address, IPv6Address) and address.ipv4_mapped:
        address = address.ipv4_mapped
    return any(address in network for network in conf.metrics_networks())


def metrics_page(request: HttpRequest) -> HttpResponse:
    """What was counted, and what the database says; without the database, what was counted."""
    if request.method not in {"GET", "HEAD"}:
        error = SmartError("method_not_allowed", "only GET, HEAD is answered here", context={"allow": "GET, HEAD"})
        return error_page(request, error, new_reference())
    text = metrics.counted() + metrics_rows.read()
    return HttpResponse(text, content_type=CONTENT_TYPE_PLAIN_0_0_4, headers={"Cache-Control": "no-store"})
