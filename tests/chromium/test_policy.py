"""What a page may do in the browser: nothing from elsewhere, nothing inline, and text stays text."""

from __future__ import annotations

import pytest

from tests.chromium.visitor import DSTU2, R4, Visitor, banner, patient_of

pytestmark = pytest.mark.chromium


@pytest.mark.parametrize("ehr", [DSTU2, R4])
def test_a_good_chart_asks_nobody_else_and_makes_no_error(ehr: str, visitor: Visitor) -> None:
    page = visitor.chart(ehr)
    page.wait_for_load_state("networkidle")
    assert visitor.errors == []
    assert visitor.foreign() == []
    assert any("/static/smartportal/app.css" in url for url in visitor.requests)


def test_the_watch_notices_what_the_policy_blocks_and_what_goes_elsewhere(visitor: Visitor) -> None:
    page = visitor.chart()
    page.evaluate("""() => {
        const script = document.createElement("script");
        script.textContent = "document.body.dataset.ran = 'yes'";
        document.body.append(script);
        const image = document.createElement("img");
        image.src = "https://stranger.invalid/pixel.png";
        document.body.append(image);
    }""")
    page.wait_for_function("() => true")
    assert page.locator("body").get_attribute("data-ran") is None
    assert any("script-src" in text for text in visitor.violations())
    assert any("img-src" in text and "stranger.invalid" in text for text in visitor.violations())
    visitor.forget()
    visitor.page().goto("about:blank")
    page.evaluate("setTimeout(() => alert('a dialog'), 0)")
    page.wait_for_function("() => true")
    assert visitor.dialogs == ["a dialog"]
    visitor.forget()


@pytest.mark.parametrize("ehr", [DSTU2, R4])
def test_script_in_names_and_texts_is_shown_as_text(ehr: str, visitor: Visitor) -> None:
    page = visitor.chart(ehr, fault="xss")
    page.wait_for_load_state("networkidle")
    assert patient_of(page) == "54520"
    assert "<script>" in banner(page).lower()
    assert "{{7*7}}" in page.locator("[data-panel=conditions]").inner_text()
    assert page.locator("img, main script").count() == 0
    assert (visitor.dialogs, visitor.errors) == ([], [])
