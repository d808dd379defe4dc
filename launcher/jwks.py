"""The public halves of our signing keys, for EHRs to fetch (RFC 7517): no sign-in, any of our hosts, any origin."""

from __future__ import annotations

from datetime import timedelta

from django.http import HttpRequest, JsonResponse

from launcher import signing
from launcher.methods import only

# Shorter than the publication lead, so that no EHR meets a signature before it can know the key.
MAX_AGE = timedelta(minutes=10)


@only("GET", "HEAD")
def key_set(request: HttpRequest) -> JsonResponse:
    """SMART App Launch 2.2 asks for Cache-Control, which EHRs may not outlast, and forbids authentication."""
    headers = {
        "Cache-Control": f"public, max-age={int(MAX_AGE.total_seconds())}",
        "Access-Control-Allow-Origin": "*",
    }
    return JsonResponse({"keys": signing.public_keys()}, headers=headers)
