"""Checks 28 to 32: resources, strangers, the sign-in's keys, and the last real launch."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from django.utils import timezone

from launcher import audit
from launcher.models import EhrRegistration, Launch
from launcher.smart.secret import Secret
from tests.launcher.probe.scene import PANEL_TYPES, Case, Scene, as_json, healthy, prove
from tests.smart.misbehaving import plain

PATIENT = "54520"
ASKED = "launch openid patient/Patient.rs patient/Condition.rs"


def stated(**changes: Any) -> Callable[[Scene], None]:
    return lambda scene: scene.state(**changes)


def configured(changes: dict[str, Any], **values: Any) -> Callable[[Scene], None]:
    def arrange(scene: Scene) -> None:
        scene.configure(**changes)
        scene.values.update(values)

    return arrange


def registered(**values: Any) -> Callable[[Scene], None]:
    return lambda scene: scene.values.update(values)


def a_test_patient(answer: bytes, **values: Any) -> Callable[[Scene], None]:
    """The preset has a test patient; the server answers a read of it like this."""

    def arrange(scene: Scene) -> None:
        scene.pages[f"/fhir/Patient/{PATIENT}"] = answer
        scene.values.update(vendor="allscripts-professional-17-1", **values)

    return arrange


def without_page(*paths: str) -> Callable[[Scene], None]:
    return lambda scene: scene.without(*paths)


def other_issuer(scene: Scene) -> None:
    scene.pages["/.well-known/openid-configuration"] = as_json({"issuer": "https://else.test", "jwks_uri": "/keys"})


def other_keys_host(scene: Scene) -> None:
    document = {"issuer": scene.ehr.server.url(), "jwks_uri": "https://keys.test/keys"}
    scene.pages["/.well-known/openid-configuration"] = as_json(document)


def launched(
    *,
    days: int = 0,
    patient: str = "p-1",
    granted: str | None = ASKED,
    read: bool = True,
    fails: str = "",
    **values: Any,
) -> Callable[[Scene], None]:
    """A launch that was opened, and what the audit says was read in it."""

    def after(registration: EhrRegistration) -> None:
        now = timezone.now() - timedelta(days=days)
        launch = Launch.objects.create(
            site=registration.site,
            registration=registration,
            reference="ABC234",
            created_at=now,
            last_seen_at=now,
            iss=registration.iss,
            fhir_version="R4",
            configuration={},
            patient=patient,
            requested_scopes=ASKED,
            granted_scopes=granted,
            **{"viewer": "Dr. Invented", "access_token": Secret("at-1"), **values},
        )
        subject = audit.Subject(site=registration.site.domain, registration=registration.slug, launch=launch.pk)
        if read:
            audit.write("patient.read", subject)
            audit.write("panel.read", subject, audit.Facts(detail={"panel": "conditions"}))
        if fails:
            audit.write("panel.read", subject, audit.Facts(outcome="failure", detail={"panel": fails}))

    return lambda scene: setattr(scene, "after", after)


def one_after_the_other(first: Callable[[Scene], None], second: Callable[[Scene], None]) -> Callable[[Scene], None]:
    def arrange(scene: Scene) -> None:
        first(scene)
        earlier = scene.after
        second(scene)
        later = scene.after
        scene.after = lambda registration: (earlier(registration), later(registration))

    return arrange


def failed_launch(scene: Scene) -> None:
    def after(registration: EhrRegistration) -> None:
        subject = audit.Subject(site=registration.site.domain, registration=registration.slug)
        facts = audit.Facts(outcome="failure", code="client_rejected", reference="XYZ789")
        audit.write("token.failed", subject, facts)

    scene.after = after


def backend_failed(scene: Scene) -> None:
    """A job of ours that failed is no launch."""

    def after(registration: EhrRegistration) -> None:
        subject = audit.Subject(site=registration.site.domain, registration=registration.slug, actor="backend service")
        audit.write("token.failed", subject, audit.Facts(outcome="failure", code="client_rejected"))

    scene.after = after


THE_PATIENT = as_json({"resourceType": "Patient", "id": PATIENT, "name": [{"family": "Invented"}]})
CASES = [
    Case(28, "pass", "all listed", healthy),
    Case(28, "warn", "no conditions", stated(types=[name for name in PANEL_TYPES if name != "Condition"]), "Panels"),
    Case(28, "fail", "no patient", stated(types=["Observation"]), "Issuer (iss)"),
    Case(28, "info", "nothing listed", stated(types=[])),
    Case(29, "pass", "refused", a_test_patient(plain(status="401 Unauthorized"))),
    Case(29, "warn", "readable", a_test_patient(THE_PATIENT), "access control"),
    Case(29, "info", "gone", a_test_patient(plain(status="404 Not Found"))),
    Case(29, "skipped", "production", a_test_patient(THE_PATIENT, environment="production")),
    Case(29, "skipped", "no test patient", healthy),
    Case(30, "pass", "keys load", healthy),
    Case(30, "warn", "nothing published", configured({"issuer": None, "jwks_uri": None}), "oidc_issuer"),
    Case(
        30,
        "fail",
        "nothing published",
        configured({"issuer": None, "jwks_uri": None}, require_identity=True),
        "require_identity",
    ),
    Case(30, "fail", "no keys", without_page("/keys"), "JWKS address (jwks_uri)"),
    Case(30, "fail", "another issuer", other_issuer, "OpenID issuer (oidc_issuer)"),
    Case(30, "fail", "keys elsewhere", other_keys_host, "approved_origins"),
    Case(30, "fail", "an issuer elsewhere", configured({"issuer": "https://login.test"}), "add https://login.test"),
    Case(30, "info", "not asked for", registered(scopes="launch patient/*.rs")),
    Case(31, "pass", "today", launched()),
    Case(31, "pass", "repaired", one_after_the_other(failed_launch, launched())),
    Case(31, "fail", "broken since", one_after_the_other(launched(days=2), failed_launch), "Test launch"),
    Case(31, "warn", "never", healthy, "Test launch"),
    Case(31, "warn", "only a job of ours", backend_failed, "Test launch"),
    Case(31, "warn", "long ago", launched(days=31), "Test launch"),
    Case(31, "fail", "it failed", failed_launch, "Test launch"),
    Case(32, "pass", "all there", launched()),
    Case(32, "pass", "no word about scopes", launched(granted=None)),
    Case(32, "warn", "fewer scopes", launched(granted="launch openid patient/Patient.rs"), "enable Condition"),
    Case(32, "warn", "no patient", launched(patient=""), "Scopes"),
    Case(32, "warn", "nobody named", launched(viewer=""), "“openid”"),
    Case(32, "warn", "an empty panel", launched(fails="labs"), "labs"),
    Case(32, "fail", "nothing read", launched(read=False), "Patient must be granted"),
    Case(32, "skipped", "never", healthy),
]


@pytest.mark.parametrize("case", CASES, ids=str)
def test_data_and_launches_are_judged_by_what_came(case: Case, scene: Scene) -> None:
    prove(case, scene)


def test_neither_patient_nor_person_is_named(scene: Scene) -> None:
    launched(patient="p-secret-77")(scene)
    a_test_patient(THE_PATIENT)(scene)
    told = repr([(each.evidence, each.remedy) for each in scene.results(29, 31, 32).values()])
    assert not [word for word in ("p-secret-77", "Invented", "at-1") if word in told]


def test_a_failed_launch_is_named_by_its_reference_and_code(scene: Scene) -> None:
    failed_launch(scene)
    evidence = scene.results(31)[31].evidence
    assert "client_rejected" in evidence
    assert "XYZ789" in evidence


def test_panels_that_lack_a_resource_are_named(scene: Scene) -> None:
    scene.state(types=["Patient", "Condition"])
    assert "Observation" in scene.results(28)[28].evidence
