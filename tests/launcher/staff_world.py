"""Two sites with a row of everything each, and a person of every role: for tests of who may see and do what."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

import pytest
from django.conf import settings
from django.contrib import admin
from django.contrib.auth.models import Group, User
from django.contrib.sites.models import Site
from django.db import models
from django.http import HttpResponseBase
from django.template.response import SimpleTemplateResponse
from django.test import Client
from django.utils import timezone

from launcher import audit, signing
from launcher.models import (
    AuditEvent,
    CheckRun,
    EhrRegistration,
    Launch,
    LaunchTrace,
    SigningKey,
    StaffSites,
    StyleSheet,
)
from launcher.roles import ROLES

HERE, THERE = "testserver", "second.test"
OURS, THEIRS = "heron", "zebra"
PERSONS = ("Anonymous", "Provider", *ROLES, "Superuser")


@dataclass(frozen=True, slots=True)
class World:
    """The two sites; of each model in the admin its row of this site and of the other (the same, if it has no site).

    Built without theirs, the other site has no rows yet.
    """

    here: Site
    there: Site
    ours: dict[type[models.Model], models.Model]
    theirs: dict[type[models.Model], models.Model]


def build(*, theirs: bool = True) -> World:
    """Every text of a row of the other site holds THEIRS, so that it is recognized wherever it turns up."""
    here = Site.objects.get(pk=settings.SITE_ID)
    there = Site.objects.create(domain=THERE, name=f"Clinic {THEIRS}")
    shared = _shared()
    world = World(here, there, _rows(here, OURS) | shared, shared | {Site: there})
    if theirs:
        build_theirs(world)
    return world


def build_theirs(world: World) -> None:
    world.theirs.update(_rows(world.there, THEIRS))


def _shared() -> dict[type[models.Model], models.Model]:
    user = User.objects.create_user("somebody", is_staff=True)
    key = SigningKey(algorithm="ES384")
    signing.publish(key, actor="staff somebody")
    return {
        User: user,
        Group: Group.objects.get(name="Support"),
        Site: Site.objects.get(pk=settings.SITE_ID),
        SigningKey: key,
    }


def _rows(site: Site, mark: str) -> dict[type[models.Model], models.Model]:
    registration = EhrRegistration.objects.create(
        site=site,
        slug=mark,
        name=f"{mark} EHR",
        iss=f"https://{mark}.example.org/fhir",
        client_id=f"client-{mark}",
        client_secret=f"secret-{mark}",
        redirect_uri=f"https://{site.domain}/callback/{mark}",
        scopes="launch openid fhirUser",
        owner=f"owner {mark}",
        notes=f"notes {mark}",
    )
    makers: tuple[Callable[[EhrRegistration, str], models.Model], ...] = (_launch, _trace, _style, _check_run, _event)
    return {type(row): row for row in (registration, *(make(registration, mark) for make in makers))}


def _launch(registration: EhrRegistration, mark: str) -> Launch:
    now = timezone.now()
    return Launch.objects.create(
        site=registration.site,
        registration=registration,
        reference=reference_of(mark),
        created_at=now,
        last_seen_at=now,
        iss=registration.iss,
        fhir_version="R4",
        configuration={
            "authorization_endpoint": "https://x.example.org/a",
            "token_endpoint": "https://x.example.org/t",
        },
        patient=f"patient-{mark}",
        viewer=f"Dr. {mark}",
        requested_scopes="launch",
        access_token=f"token-{mark}",
        intent=f"intent {mark}",
    )


def _trace(registration: EhrRegistration, mark: str) -> LaunchTrace:
    return LaunchTrace.objects.create(
        site=registration.site,
        registration=registration,
        registration_slug=registration.slug,
        started_at=timezone.now() - timedelta(minutes=1),
        outcome="failed",
        stage="token",
        code="client_rejected",
        reference=reference_of(mark),
        mode="ehr",
        person=f"person-{mark}",
        patient=f"hash-{mark}",
    )


def _style(registration: EhrRegistration, mark: str) -> StyleSheet:
    return StyleSheet.objects.create(
        registration=registration,
        url=f"https://{mark}.example.org/style.json",
        url_hash=mark,
        sha256=mark,
        css=f"/* {mark} */",
        fetched_at=timezone.now(),
    )


def _check_run(registration: EhrRegistration, mark: str) -> CheckRun:
    return CheckRun.objects.create(
        registration=registration,
        at=timezone.now(),
        kind="whole",
        actor=f"staff {mark}",
        finished=True,
        top_problem=f"trouble {mark}",
    )


def _event(registration: EhrRegistration, mark: str) -> AuditEvent:
    return audit.write(
        "launch.received",
        audit.Subject(
            site=THERE if mark == THEIRS else HERE,
            registration=mark,
            actor=f"fhirUser {mark}",
            patient=f"patient-{mark}",
        ),
        audit.Facts(reference=reference_of(mark)),
    )


def reference_of(mark: str) -> str:
    return f"{mark.upper()}7"


def person(name: str, *, sites: tuple[Site, ...] = ()) -> User | None:
    """Somebody who holds the role `name`, or is one of the other PERSONS; without `sites` of the default site."""
    if name == "Anonymous":
        return None
    user = User.objects.create_user(name.replace(" ", "-").lower(), is_staff=name != "Provider")
    if name == "Superuser":
        user.is_superuser = True
        user.save()
    elif name in ROLES:
        user.groups.add(Group.objects.get(name=name))
    if sites:
        StaffSites.objects.create(user=user).sites.set(sites)
    return user


class Visitor:
    """A browser at the admin of one host, always signed in as the same person, whatever it did before."""

    def __init__(self, user: User | None, host: str = HERE) -> None:
        self._client = Client(headers={"host": host})
        if user is not None:
            self._client.force_login(user)
        self._cookies = {name: morsel.value for name, morsel in self._client.cookies.items()}

    def ask(self, method: str, address: str, data: dict[str, Any] | None = None) -> HttpResponseBase:
        self._client.cookies.load(self._cookies)
        return self._client.generic(method, address, secure=True) if data is None else self._send(method, address, data)

    def _send(self, method: str, address: str, data: dict[str, Any]) -> HttpResponseBase:
        send = self._client.post if method == "POST" else self._client.get
        return send(address, data, secure=True)

    def page(self, address: str, **data: Any) -> str:
        """The text of what is shown at an address in the end, redirects followed."""
        self._client.cookies.load(self._cookies)
        return self._client.get(address, data, secure=True, follow=True).content.decode()


def unrendered(monkeypatch: pytest.MonkeyPatch) -> None:
    """From here on pages are asked for their status alone: what they look like is the matter of other tests."""

    def render(self: Any) -> Any:
        self.content = b""
        return self

    monkeypatch.setattr(SimpleTemplateResponse, "render", render)


def registered() -> list[type[models.Model]]:
    """The models of the admin, in the order of their names."""
    return sorted(admin.site._registry, key=lambda model: model._meta.label)
