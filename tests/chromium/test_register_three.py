"""From no registrations at all to three charts, in the admin alone: the steps of whoever sets the app up, counted."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tests.chromium.conftest import environment, free_port, serving
from tests.chromium.visitor import CHART, Visitor, banner, visiting

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Locator, Page

pytestmark = pytest.mark.chromium

FAMILY = "Create all three Allscripts EHRs (simulated)"
PATIENTS = {
    "allscripts-professional": "HOLLINGBROOK, Marguerite Ann (Mrs)",
    "allscripts-touchworks": "VARGHESE-STRÖM, Leopold Joseph (Mr)",
    "allscripts-sunrise": "BERGSVEIN, Solveig Mercy (Ms)",
}
EMPTY = "from launcher.models import EhrRegistration; EhrRegistration.objects.all().delete()"


@dataclass
class Person:
    """Counts what a person does: a click or a page that is gone to is a step; what is pasted is counted apart."""

    page: Page
    steps: int = 0
    pasted: int = 0

    def go_to(self, address: str) -> None:
        self.steps += 1
        self.page.goto(address)

    def click(self, thing: Locator) -> None:
        self.steps += 1
        thing.click()

    def paste(self, thing: Locator, text: str) -> None:
        self.pasted += 1
        thing.fill(text)


@pytest.fixture
def fresh(tmp_path: Path, chromium: Browser, pytestconfig: pytest.Config) -> Iterator[Visitor]:
    """A server of its own without any registration, and its administrator signed in."""
    port = free_port()
    values = environment(tmp_path, port)
    with serving(values, root=pytestconfig.rootpath):
        command = [sys.executable, "manage.py", "shell", "-c", EMPTY]
        subprocess.run(command, cwd=pytestconfig.rootpath, env=values, check=True, capture_output=True)  # noqa: S603
        with visiting(chromium, f"http://127.0.0.1:{port}") as visitor:
            _sign_in(visitor, tmp_path)
            yield visitor


def _sign_in(visitor: Visitor, data: Path) -> None:
    page = visitor.page("/admin/login/?next=/admin/")
    page.get_by_label("Username").fill("admin")
    page.get_by_label("Password").fill((data / "admin_password").read_text(encoding="utf-8").strip())
    page.get_by_role("button", name="Log in").click()
    page.wait_for_url("**/admin/")
    page.close()


def test_three_ehrs_from_an_empty_database_to_a_chart_each_in_eight_steps_and_six_values(
    fresh: Visitor, pictures: Path
) -> None:
    person = Person(fresh.page())
    person.go_to("/admin/")
    person.click(person.page.locator("a[href$='/ehrregistration/add/']").first)
    person.click(person.page.get_by_role("button", name=FAMILY))
    person.page.wait_for_url("**/credentials/?rows=*")
    person.page.screenshot(path=pictures / "admin-credentials-three.png", full_page=True)

    portal = Person(fresh.page())
    portal.go_to("/sandbox/applications/")
    for ehr in PATIENTS:
        given, wanted = portal.page.locator(f"[data-ehr={ehr}]"), person.page.locator(f"[data-registration={ehr}]")
        redirect = wanted.locator("dd code").nth(1).inner_text()
        assert redirect in given.inner_text(), "the vendor has registered the address that the page gives away"
        client_id, secret = (
            given.locator(f"[data-field={name}]").first.inner_text() for name in ("client-id", "secret")
        )
        person.paste(wanted.get_by_label("Client ID"), client_id)
        person.paste(wanted.get_by_label("Client secret"), secret)

    person.click(person.page.get_by_role("button", name="Save and check"))
    person.page.wait_for_url("**/check/?*")
    for ehr in PATIENTS:
        checked = person.page.locator(f"section[data-registration={ehr}]")
        checked.get_by_role("button", name="Test launch").wait_for(timeout=60_000)
        assert checked.locator("tr[data-status=fail]").all_inner_texts() == []
        assert checked.locator("tr[data-check=SP-CHK-21]").get_attribute("data-status") == "pass"
    person.page.screenshot(path=pictures / "admin-check-three.png", full_page=True)

    for ehr, name in PATIENTS.items():
        with fresh.context.expect_page() as opened:
            person.click(
                person.page.locator(f"section[data-registration={ehr}]").get_by_role("button", name="Test launch")
            )
        chart = opened.value
        chart.wait_for_url(CHART)
        assert (chart.locator("body").get_attribute("data-ehr"), banner(chart)) == (ehr, name)

    assert (person.steps + portal.steps, person.pasted) == (8, 6)
