"""Everything works in a browser that runs no script: the chart, another try, the end of the session."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.chromium.conftest import Visit
from tests.chromium.visitor import R4, Visitor, banner, patient_of, state

pytestmark = pytest.mark.chromium


@pytest.fixture
def scriptless(visit: Visit) -> Iterator[Visitor]:
    with visit(java_script_enabled=False) as visitor:
        yield visitor


def test_the_chart_is_complete(scriptless: Visitor) -> None:
    page = scriptless.chart()
    assert banner(page) == "HOLLINGBROOK, Marguerite Ann (Mrs)"
    for panel, words in (
        ("demographics", "Tobias Fennimore"),
        ("conditions", "Type 2 diabetes"),
        ("medications", "metformin 500 mg"),
    ):
        section = page.locator(f"section[data-panel={panel}]")
        assert section.get_attribute("data-state") == "ready"
        assert section.get_by_text(words).first.is_visible()
    conditions = page.locator("[data-panel=conditions]")
    conditions.get_by_text("Resolved or inactive").click()
    assert conditions.locator("[data-group=resolved]").first.is_visible()


def test_a_failed_panel_can_be_tried_again(scriptless: Visitor) -> None:
    page = scriptless.chart(R4, fault="conditions-500")
    assert state(page, "conditions") == "failed"
    page.locator("[data-panel=conditions]").get_by_role("link", name="Try again").click()
    page.wait_for_url("**/panels/conditions/")
    assert (patient_of(page), state(page, "conditions")) == ("54520", "failed")
    assert banner(page) == "HOLLINGBROOK, Marguerite Ann (Mrs)"
    page.get_by_role("link", name="Whole chart").click()
    assert state(page, "medications") == "ready"


def test_after_the_end_of_the_session_back_shows_nothing_of_the_patient(scriptless: Visitor) -> None:
    page = scriptless.chart()
    page.get_by_role("button", name="End session").click()
    page.get_by_role("heading", name="Session ended").wait_for()
    page.go_back()
    assert page.locator("main").get_attribute("data-error") == "session_ended"
    shown = page.content()
    assert not [word for word in ("HOLLINGBROOK", "Hollingbrook", "0054520", "metformin") if word in shown]
