"""On paper: whose chart it is stands on every sheet, nothing is folded away, and what could not be read says so.

Chromium makes the PDF as its print dialog does; the text of its sheets is read by poppler's `pdftotext`.
"""

from __future__ import annotations

import re
import shutil
import subprocess
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tests.chromium.visitor import R4, Visitor, banner

if TYPE_CHECKING:
    from playwright.sync_api import Page

pytestmark = pytest.mark.chromium

TOUCHWORKS = "allscripts-touchworks"
SUNRISE = "allscripts-sunrise"
_PDFTOTEXT = shutil.which("pdftotext")
_RECORDS = "() => [...document.querySelectorAll('[data-record]')].map(each => each.dataset.record)"
_TEXTS_OF_CLOSED = "() => [...document.querySelectorAll('details:not([open])')].map(each => each.innerText)"


def sheets(page: Page, folder: Path, *, paper: str = "Letter") -> list[str]:
    """The text of each sheet, with its white space made plain."""
    if _PDFTOTEXT is None:
        pytest.skip("needs pdftotext (Debian: apt install poppler-utils)")
    file = folder / "print.pdf"
    page.pdf(path=file, format=paper, prefer_css_page_size=False)
    done = subprocess.run([_PDFTOTEXT, "-layout", file, "-"], check=True, capture_output=True)  # noqa: S603
    return [" ".join(each.split()) for each in done.stdout.decode().split("\f")[:-1]]


def print_view(visitor: Visitor, ehr: str, patient: str, fault: str = "") -> Page:
    """Opened as people do, by the link at the foot of the chart."""
    page = visitor.chart(ehr, patient, fault=fault)
    page.locator("footer").get_by_role("link", name="Print", exact=True).click()
    page.wait_for_url("**/print/")
    return page


@pytest.mark.parametrize("paper", ["Letter", "A4", "A5"])
def test_each_sheet_of_a_long_chart_says_whose_it_is(paper: str, visitor: Visitor, tmp_path: Path) -> None:
    page = print_view(visitor, TOUCHWORKS, "23")
    name = banner(page)
    born, mrn = (re.sub(r"^\w+\s+", "", " ".join(banner(page, part).split())) for part in ("born", "mrn"))
    found = sheets(page, tmp_path, paper=paper)
    assert len(found) > 8
    for number, text in enumerate(found, 1):
        assert name in text, f"no name on sheet {number}"
        assert born in text, f"no date of birth on sheet {number}"
        assert mrn in text, f"no record number on sheet {number}"
        assert "TEST DATA" in text, f"sheet {number} could be taken for a real person's"
        assert f"{number} / {len(found)}" in text, f"sheet {number} is not numbered"


def test_everything_that_the_chart_has_folded_away_is_on_the_paper(visitor: Visitor, tmp_path: Path) -> None:
    chart = visitor.chart(R4, "54520")
    records = set(chart.evaluate(_RECORDS))
    page = print_view(visitor, R4, "54520")
    assert page.evaluate(_TEXTS_OF_CLOSED) == []
    assert records <= set(page.evaluate(_RECORDS))
    whole = " ".join(sheets(page, tmp_path))
    for summary in page.locator("main summary").all():
        assert " ".join(summary.inner_text().split()) in whole
    titles = page.locator("section[data-panel] h2").all_inner_texts()
    assert len(titles) >= 3
    assert [title for title in titles if title not in whole] == []


def test_what_could_not_be_read_keeps_its_words_on_paper(visitor: Visitor, tmp_path: Path) -> None:
    page = print_view(visitor, R4, "54520", "conditions-500")
    words = page.locator("[data-panel=conditions][data-state=failed] .note p").all_inner_texts()
    assert words
    whole = " ".join(sheets(page, tmp_path))
    for sentence in words:
        assert " ".join(sentence.split()) in whole
    assert "Try again" not in whole


def test_a_restricted_chart_says_so_on_each_sheet(visitor: Visitor, tmp_path: Path) -> None:
    for text in sheets(print_view(visitor, SUNRISE, "385800227"), tmp_path):
        assert "Restricted record" in text


def test_a_print_of_the_chart_itself_says_where_the_print_view_is(visitor: Visitor, tmp_path: Path) -> None:
    page = visitor.chart(R4, "54520")
    assert not page.locator(".paper-note").is_visible()
    first = sheets(page, tmp_path)[0]
    assert "use “Print” at the foot of the chart" in first
    assert "/print/" in first


def test_the_print_view_is_white_in_the_dark_too(visitor: Visitor) -> None:
    page = print_view(visitor, R4, "54520")
    page.emulate_media(color_scheme="dark")
    look = page.evaluate("() => { const s = getComputedStyle(document.body); return [s.color, s.backgroundColor]; }")
    assert look == ["rgb(0, 0, 0)", "rgb(255, 255, 255)"]
    assert page.locator(".panel").first.evaluate("each => getComputedStyle(each).backgroundColor") == look[1]
