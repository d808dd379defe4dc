"""Whether a client takes JSON: `_format` before `Accept` (FHIR R4, section 3.1.0.1.11)."""

from __future__ import annotations

from django.http import HttpRequest

_JSON = frozenset({"application/fhir+json", "application/json+fhir", "application/json", "text/json", "json"})


def speaks_json(request: HttpRequest) -> bool:
    """True when `_format`, or else any media range of `Accept`, includes a JSON of FHIR's."""
    wanted = request.GET.get("_format")
    if wanted is not None:
        return wanted.replace(" ", "+").split(";")[0].strip() in _JSON
    if "Accept" not in request.headers:
        return True
    return any(any(media.match(known) for known in _JSON if "/" in known) for media in request.accepted_types)
