"""The steps that cases have in common."""

from __future__ import annotations

from urllib.parse import urlencode

from launcher.models import AuditEvent, EhrRegistration, Launch
from tests.browser import ORIGIN, Browser, Page
from tests.loopback import Bridge

R4 = "smart-r4"
DSTU2 = "allscripts-professional"


def iss_of(ehr: str) -> str:
    return f"{ORIGIN}/sandbox/{ehr}/fhir"


def launch_url(ehr: str = R4, patient: str = "54520", **more: str) -> str:
    return "/launch?" + urlencode({"iss": iss_of(ehr), "launch": patient, **more})


def faulty_launch_url(browser: Browser, fault: str, *, ehr: str = R4, patient: str = "54520") -> str:
    """The launch address that the EHR's desktop leads to when it is told to make this mistake."""
    page = browser.get(f"/sandbox/{ehr}/open?" + urlencode({"patient": patient, "fault": fault}))
    assert page.status in {302, 303}, page.text
    return page.location


def to_callback(browser: Browser, url: str = "") -> str:
    """Launch and sign in at the EHR; returns the callback address without having called it."""
    page = browser.visit(url or launch_url(), until="/callback")
    assert page.status in {302, 303}, page.text
    return page.location


def opened(browser: Browser, url: str = "") -> Page:
    page = browser.visit(url or launch_url())
    assert page.status == 200, (page.status, page.error)
    assert page.text, "reads the stream to its end"
    return page


def last_event() -> AuditEvent:
    return AuditEvent.objects.order_by("-id")[0]


def refused(page: Page, *, status: int, code: str, event: str, reason: str = "") -> None:
    """The page of this code, and the audit event with the same reference."""
    assert (page.status, page.error) == (status, code), page.text[:400]
    row = AuditEvent.objects.filter(reference=page.reference, event=event).first()
    assert row is not None, list(AuditEvent.objects.values_list("event", "reference", "reason"))
    assert row.outcome in {"refused", "failure"}
    assert row.code == code
    if reason:
        assert row.reason == reason


def asked(bridge: Bridge, part: str) -> int:
    """How many requests reached an address with this in its path."""
    return len(bridge.paths(part))


def no_launch_was_opened() -> None:
    assert not Launch.objects.exists()


def registration(ehr: str = R4) -> EhrRegistration:
    return EhrRegistration.objects.get(slug=ehr)
