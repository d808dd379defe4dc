"""A document's content: the bytes as they are, or in a Binary where FHIR JSON is asked for (FHIR R4, "Binary")."""

from __future__ import annotations

from django.http import HttpRequest, HttpResponse

from sandbox import charts, store
from sandbox.addresses import EhrAddress
from sandbox.endpoints import answers, fhir_faults
from sandbox.endpoints.access import Access, Refusal, answered, authorized
from sandbox.endpoints.negotiation import names_json, takes
from sandbox.record import Attachment
from sandbox.writers.chart_pieces import as_base64

_TYPE = "Binary"


@answered
def read(request: HttpRequest, address: EhrAddress, *, resource_id: str) -> HttpResponse:
    """`[base]/Binary/[id]`, for the patient of the launch and with the token as everything else."""
    access = authorized(request, address, _TYPE, right="r")
    faulty = fhir_faults.instead(access.scenario.fault, access.targets, address)
    if faulty is not None:
        return faulty
    found = _kept(access, resource_id)
    if names_json(request):
        return answers.fhir_answer(_resource(found, address), address)
    if not takes(request, found.media):
        raise Refusal(406, "not-supported", f"this content is {found.media}")
    answer = HttpResponse(found.content(), content_type=found.media)
    answer["Cache-Control"] = "no-store"
    return answer


def _kept(access: Access, resource_id: str) -> Attachment:
    for person in access.people:
        found = charts.attachment(person.id, resource_id)
        if found is not None:
            return found
    for other in store.people(access.address.slug):
        if charts.attachment(other.id, resource_id) is not None:
            raise Refusal(403, "forbidden", "that record belongs to another patient")
    raise Refusal(404, "not-found", "there is no such record")


def _resource(one: Attachment, address: EhrAddress) -> store.Resource:
    """Binary, whose bytes are called `content` before R4."""
    name = "data" if address.personality.fhir_number == "4.0.1" else "content"
    return {"resourceType": _TYPE, "id": one.id, "contentType": one.media, name: as_base64(one.content())}
