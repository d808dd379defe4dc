"""Whether a client takes JSON: `_format` before `Accept` (FHIR R4, section 3.1.0.1.11)."""

from __future__ import annotations

from django.http import HttpRequest

_JSON = frozenset({"application/fhir+json", "application/json+fhir", "application/json", "text/json", "json"})


def names_json(request: HttpRequest) -> bool:
    """True when a JSON of FHIR's is asked for by name, in `_format` or in `Accept`; `*/*` names nothing."""
    wanted = request.GET.get("_format")
    if wanted is not None:
        return speaks_json(request)
    return any(f"{media.main_type}/{media.sub_type}" in _JSON for media in request.accepted_types)


def takes(request: HttpRequest, content_type: str) -> bool:
    """True when any media range of `Accept` includes this content type, or there is no `Accept`."""
    return "Accept" not in request.headers or any(media.match(content_type) for media in request.accepted_types)


def speaks_json(request: HttpRequest) -> bool:
    """True when `_format`, or else any media range of `Accept`, includes a JSON of FHIR's."""
    wanted = request.GET.get("_format")
    if wanted is not None:
        return wanted.replace(" ", "+").split(";")[0].strip() in _JSON
    if "Accept" not in request.headers:
        return True
    return any(any(media.match(known) for known in _JSON if "/" in known) for media in request.accepted_types)
