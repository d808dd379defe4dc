"""Who may open and send what in the admin, asked of every address by machine and compared with what is written.

What is written is `docs/permission-matrix.md`. When an address was added or a permission changed on purpose, write it
anew, and read the difference before it is committed:

    WRITE_PERMISSION_MATRIX=1 .venv/bin/python -m pytest -q tests/launcher/test_permission_matrix.py
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
from django.contrib import admin
from django.contrib.contenttypes.models import ContentType
from django.db import models, transaction
from django.http import HttpResponseBase
from django.test import RequestFactory
from django.urls import URLPattern, URLResolver

from launcher.models import EhrRegistration
from tests.launcher.staff_world import PERSONS, Visitor, World, build, person, registered, unrendered

pytestmark = pytest.mark.django_db
WRITTEN = Path(__file__).resolve().parents[2] / "docs" / "permission-matrix.md"
WORDS = {200: "page", 400: "malformed", 403: "forbidden", 404: "not found", 405: "not allowed"}
_KIND = re.compile(r"^([a-z]+)/([a-z]+)/")
_HOLE = re.compile(r"<(?:\w+:)?(\w+)>")
HEADER = """# Who may do what in the administration

Made by machine from every address of the admin; a test holds it equal to the program (`tests/launcher/
test_permission_matrix.py` says how to write it anew). What the roles are for stands in [roles.md](roles.md).

Each cell says what opening the address (GET) leads to, then what sending an empty form there (POST) does, where that
is something else. *page*: it is shown. *sign-in*: on to the sign-in page. *forbidden*: a page that says so, status 403,
and an audit event `admin.denied`. *not found*, *start page*: it does not exist or is another site's; there is no
difference. *…/change/*: on to that address. *redirect*: on to another page. “(other site)” is an object of another
site, asked for by its id.

At the host of a site that somebody does not belong to, every address is *sign-in*, whatever their role there.
"""


@dataclass(frozen=True, slots=True)
class Address:
    """An address as it is written, and as it is asked for."""

    written: str
    path: str


def patterns(resolvers: list[URLPattern | URLResolver], before: str = "") -> Iterator[str]:
    for each in resolvers:
        route = before + str(each.pattern).removeprefix("^").removesuffix("$")
        if isinstance(each, URLResolver):
            yield from patterns(each.url_patterns, route)
        else:
            yield route


def addresses(world: World) -> Iterator[Address]:
    """Every address of the admin; those about an object twice: with one of this site, and with one of the other."""
    for route in patterns(admin.site.get_urls()):
        if route.startswith("(?P<app_label>"):
            labels = sorted({model._meta.app_label for model in registered()})
            yield from (Address(f"/admin/{label}/", f"/admin/{label}/") for label in labels)
        elif route.startswith("(?P<url>"):
            yield Address("/admin/anything-else", "/admin/anything-else")
        elif route.startswith("r/"):
            kind = ContentType.objects.get_for_model(EhrRegistration).pk
            row = world.theirs[EhrRegistration].pk
            yield Address(f"/admin/{_HOLE.sub('…', route)}", f"/admin/r/{kind}/{row}/")
        elif "<" in route:
            yield from about_objects(route, world)
        else:
            yield Address(f"/admin/{route}", f"/admin/{route}")


def about_objects(route: str, world: World) -> Iterator[Address]:
    model = model_of(route)
    written = f"/admin/{_HOLE.sub('…', route)}"
    assert model in world.ours, f"{model._meta.label} is new in the admin: make a row of it in staff_world.py"
    ours, theirs = world.ours[model], world.theirs[model]
    yield Address(written, f"/admin/{_HOLE.sub(str(ours.pk), route)}")
    if ours != theirs:
        yield Address(f"{written} (other site)", f"/admin/{_HOLE.sub(str(theirs.pk), route)}")


def model_of(route: str) -> type[models.Model]:
    found = _KIND.match(route)
    assert found, f"/admin/{route} takes something that this test cannot fill in: teach it"
    return next(model for model in registered() if (model._meta.app_label, model._meta.model_name) == found.groups())


def outcome(answer: HttpResponseBase) -> str:
    if answer.status_code not in (301, 302, 303):
        return WORDS.get(answer.status_code, str(answer.status_code))
    path = urlsplit(answer.headers["Location"]).path
    form = f"{answer.request['PATH_INFO'].removesuffix('history/')}change/"  # type: ignore[attr-defined]  # the test client's
    return {"/admin/login/": "sign-in", "/admin/": "start page", form: "…/change/"}.get(path, "redirect")


def asked(visitor: Visitor, path: str) -> str:
    """The word for GET, and that for an empty POST where it is another; what either changed is undone."""
    words = []
    for method, data in (("GET", None), ("POST", {})):
        with transaction.atomic():
            words.append(outcome(visitor.ask(method, path, data)))
            transaction.set_rollback(True)
    return " · ".join(dict.fromkeys(words))


@pytest.fixture
def world(db: None) -> World:
    return build()


def table_of_addresses(world: World) -> Iterator[str]:
    visitors = [Visitor(person(name)) for name in PERSONS]
    yield row("Address", PERSONS)
    yield row("---", ["---"] * len(PERSONS))
    for address in sorted(addresses(world), key=lambda each: each.written):
        yield row(f"`{address.written}`", [asked(visitor, address.path) for visitor in visitors])


def table_of_actions() -> Iterator[str]:
    staff = [name for name in PERSONS if name not in ("Anonymous", "Provider")]
    offered = [actions_of(name) for name in staff]
    yield row("Action on chosen rows", staff)
    yield row("---", ["---"] * len(staff))
    for each in sorted(set().union(*offered)):
        yield row(each, ["yes" if each in some else "–" for some in offered])


def actions_of(name: str) -> set[str]:
    request = RequestFactory().get("/admin/", secure=True)
    request.user = person(name)
    return {
        f"{model._meta.verbose_name_plural}: `{action}`"
        for model in registered()
        for action in admin.site.get_model_admin(model).get_actions(request)
        if admin.site.get_model_admin(model).has_view_permission(request)
    }


def row(first: str, cells: Any) -> str:
    return "| " + " | ".join([first, *cells]) + " |"


def test_the_administration_does_what_is_written(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    unrendered(monkeypatch)
    with transaction.atomic():
        addressed = list(table_of_addresses(world))
        transaction.set_rollback(True)
    actions = ["", "Actions on lists, whose rows are those of the site:", "", *table_of_actions()]
    assert not [line for line in addressed if re.search(r"\b5\d\d\b", line)], "an address breaks"
    found = "\n".join([HEADER, *addressed, *actions])
    if os.environ.get("WRITE_PERMISSION_MATRIX"):
        WRITTEN.write_text(f"{found}\n", encoding="utf-8")
    written = WRITTEN.read_text(encoding="utf-8").splitlines()
    assert found.splitlines() == written, "on purpose? This module's first lines say how to write it anew"
