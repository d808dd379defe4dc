"""Whole pages for a browser that asks for Spanish: no English word of ours, and the EHR's words as they came."""

from __future__ import annotations

import html
import json
import re
from collections.abc import Iterator
from html.parser import HTMLParser
from typing import Any

import pytest
from django.template.loader import render_to_string
from django.utils import timezone, translation

from launcher.explanations import EXPLANATIONS
from launcher.models import Launch
from launcher.smart.errors import ErrorCode
from sandbox import store
from tests import loopback
from tests.browser import Browser, Page
from tests.loopback import Bridge
from tests.patients.catalogue import written
from tests.security.steps import R4, launch_url, registration

pytestmark = pytest.mark.django_db

DSTU2 = "allscripts-professional"
ES = written("es")
ENGLISH = {key[1].casefold() for key in ES} | {key[2].casefold() for key in ES if key[2]}
SHOWN = {
    "aria-label",
    "title",
    "alt",
    "placeholder",
    "data-l",
    "data-loaded",
    "data-copied",
    "data-selected",
    "data-word",
}
MARKS = ("data-page", "data-panel", "data-state", "data-group", "data-field", "data-testid", "data-record")

# Elements whose texts are shown as they came, and concepts whose codes have words of our own.
DATA = {"text", "display", "family", "given", "valueString", "title", "description", "reference"}
OURS = {
    "clinicalStatus",
    "verificationStatus",
    "interpretation",
    "criticality",
    "class",
    "docStatus",
    "dosageInstruction",
}

# What is neither the EHR's nor a word of a language: names of standards and units, months, and the product's name.
OF_NO_LANGUAGE = set(
    """SNOMED CT ICD CM LOINC RxNorm CVX NDC UCUM FHIR DSTU2 STU3 R4 R4B R5 UTC SMART on smartportal JPEG PNG PDF
    Jan Feb Mar Apr May Jun Jul Aug Sep Oct Nov Dec mg mcg g kg mL L lb in cm mmHg mmol kB MB bytes panel
    a d h m sem min m² XML IMO""".casefold().split()
)


@pytest.fixture(autouse=True)
def _back_to_english() -> Iterator[None]:
    """Django leaves the language of the last request switched on."""
    yield
    translation.deactivate()


@pytest.fixture
def spaniard() -> Browser:
    return Browser(**{"Accept-Language": "es-MX,es;q=0.9,en;q=0.5"})


@pytest.fixture
def sent(monkeypatch: pytest.MonkeyPatch) -> set[str]:
    """Every text that the EHR sends, in lower case."""
    found: set[str] = set()
    respond = loopback._response

    def noted(request: Any, status: int, headers: dict[str, str], body: bytes) -> Any:
        if "json" in headers.get("Content-Type", ""):
            found.update(text.casefold() for text in _texts(json.loads(body)))
        return respond(request, status, headers, body)

    monkeypatch.setattr(loopback, "_response", noted)
    return found


def _texts(value: object, *, status: bool = False) -> Iterator[str]:
    """All texts; of the codes and statuses that we say in words of our own, only those that are no such word."""
    if isinstance(value, str):
        text = " ".join(value.split())
        yield from [text] if not status or text.casefold() not in ENGLISH else []
    elif isinstance(value, list):
        for inner in value:
            yield from _texts(inner, status=status)
    elif isinstance(value, dict):
        for name, inner in value.items():
            yield from _texts(inner, status=status or (name not in DATA and isinstance(inner, str)) or name in OURS)


class _Seen(HTMLParser):
    """The texts of a page that somebody can see or hear; what is marked as English is left out."""

    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.texts: list[str] = []
        self._silent: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag in {"script", "style"} or (tag != "html" and ("lang", "en") in attrs):
            self._silent.append(tag)
        self.texts += [value for name, value in attrs if name in SHOWN and value]

    def handle_endtag(self, tag: str) -> None:
        if self._silent and self._silent[-1] == tag:
            self._silent.pop()

    def handle_data(self, data: str) -> None:
        if not self._silent and data.strip()[:1] not in {"", "/"}:
            self.texts.append(" ".join(data.split()))


def seen(page: str) -> list[str]:
    reader = _Seen()
    reader.feed(page)
    return reader.texts


def _spanish() -> set[str]:
    """What the Spanish catalogue says between its places."""
    chunks = {
        chunk.strip(" .,:;()“”")
        for texts in ES.values()
        for text in texts
        for chunk in re.split(r"%\(\w+\)[.\d]*[a-z]", text)
    }
    return {chunk for chunk in chunks if re.search(r"\w", chunk)}


def _any_of(texts: set[str]) -> re.Pattern[str]:
    """Any of these texts as whole words, the longest that fits."""
    longest = sorted(texts, key=len, reverse=True)
    return re.compile("|".join(rf"(?<!\w){re.escape(text)}(?!\w)" for text in longest), re.IGNORECASE)


SPANISH = _spanish()


def foreign(page: str, known: set[str]) -> list[tuple[str, list[str]]]:
    """The texts of a page in which words are left that are neither Spanish ones of ours nor known ones."""
    theirs = {text.rstrip(".") for text in known if re.search(r"[^\W\d]", text)}
    excused = _any_of(SPANISH | theirs)
    found = []
    for text in seen(page):
        rest = excused.sub(" ", text)
        words = [word for word in re.findall(r"[^\W\d_]{2,}[\w]*", rest) if word.casefold() not in OF_NO_LANGUAGE]
        if words:
            found.append((text, words))
    return found


def opened(browser: Browser, ehr: str, patient: str = "54520") -> Page:
    page = browser.visit(launch_url(ehr, patient))
    assert page.status == 200, page.error
    return page


def known_to(ehr: str) -> set[str]:
    """What is the installation's own: the names of the EHR, of its zone and of the viewer, and the reference."""
    launch = Launch.objects.latest("created_at")
    row = registration(ehr)
    return {text.casefold() for text in (row.name, row.time_zone, launch.viewer, launch.reference, "testserver")}


@pytest.mark.parametrize(
    ("ehr", "patient"),
    [(R4, "54520"), (DSTU2, "54520"), *((R4, person.id) for person in store.residents(R4) if person.id != "54520")],
)
def test_a_chart_in_spanish_has_no_english_word_of_ours(
    ehr: str, patient: str, ehrs: Bridge, sent: set[str], spaniard: Browser
) -> None:
    page = opened(spaniard, ehr, patient)
    assert '<html lang="es"' in page.text
    assert re.search(r'<body[^>]* translate="no"', page.text), "a browser must not translate what the EHR sent"
    assert len(seen(page.text)) > 150
    assert foreign(page.text, sent | known_to(ehr)) == []


def test_the_check_finds_a_single_english_word() -> None:
    assert foreign("<p>Sin alergias conocidas · Active</p>", {"penicillin g"}) == [
        ("Sin alergias conocidas · Active", ["Active"])
    ]
    assert foreign('<p aria-label="Try again">Penicillin G, 12-Jan-2026</p>', {"penicillin g"}) == [
        ("Try again", ["Try", "again"])
    ]


@pytest.mark.parametrize("ehr", [R4, DSTU2])
def test_marks_and_the_words_of_the_ehr_are_the_same_in_both_languages(
    ehr: str, ehrs: Bridge, sent: set[str], spaniard: Browser, browser: Browser
) -> None:
    spanish, english = opened(spaniard, ehr), opened(browser, ehr)
    for mark in MARKS:
        assert spanish.marks(mark) == english.marks(mark), mark
    assert spanish.marks("data-state")
    written_by_the_ehr = re.findall(r"<q>(.*?)</q>", english.text, re.DOTALL)
    assert written_by_the_ehr
    assert re.findall(r"<q>(.*?)</q>", spanish.text, re.DOTALL) == written_by_the_ehr
    kept = [text for text in seen(english.text) if text.casefold() in sent and text.casefold() not in ENGLISH]
    assert len(kept) > 40
    assert [text for text in kept if text not in seen(spanish.text)] == []


def test_the_print_view_a_panel_a_document_and_the_end_are_spanish(
    ehrs: Bridge, sent: set[str], spaniard: Browser
) -> None:
    page = opened(spaniard, R4)
    known = known_to(R4)
    chart = page.url
    for address in ("print/", "panels/labs/", "panels/medications/?fragment=1", "documents/none/"):
        shown = spaniard.visit(chart.rstrip("/") + "/" + address)
        assert shown.status in {200, 404}, (address, shown.status)
        assert seen(shown.text)
        assert foreign(shown.text, sent | known) == [], address
    token = re.search(r'name="token" value="([^"]+)"', page.text)
    assert token
    ended = spaniard.post(chart.rstrip("/") + "/end/", {"token": token[1]})
    assert "Sesión terminada" in ended.text
    assert foreign(ended.text, sent | known) == []


def test_the_picker_is_spanish_with_its_problems(ehrs: Bridge, spaniard: Browser) -> None:
    with translation.override("es"):
        context = {"access": {"ehr_name": "Example EHR", "environment": "test"}, "name": "zz", "most": 50, "token": "-"}
        for found in ({"people": [], "problem": ""}, {"people": [], "problem": translation.gettext("Who")}):
            assert foreign(render_to_string("patients/picker.html", {**context, "found": found}), {"example ehr"}) == []


def test_the_home_page_and_the_page_that_posts_to_an_ehr_are_spanish(ehrs: Bridge, spaniard: Browser) -> None:
    home = spaniard.get("/").text
    demo = {text.casefold() for text in re.findall(r'class="lbl">(.*?)</p>', home)}
    names = {html.unescape(text).casefold() for text in re.findall(r"<h3[^>]*>(.*?)</h3>", home)}
    patients = {html.unescape(text).casefold() for text in re.findall(r"data-demo=[^>]*>Abrir (.*?)</a>", home)}
    assert patients
    assert foreign(home, {html.unescape(text) for text in demo} | names | patients) == []
    with translation.override("es"):
        assert foreign(render_to_string("launcher/authorize_post.html", {"endpoint": "/", "fields": []}), set()) == []


@pytest.mark.parametrize("code", EXPLANATIONS)
def test_every_error_page_is_spanish_for_the_provider(code: ErrorCode) -> None:
    context = {
        "code": code,
        "reference": "7K3QPA",
        "explanation": EXPLANATIONS[code],
        "show_administrator": True,
        "retry_address": "/launch",
        "now": timezone.now(),
    }
    with translation.override("es"):
        page = render_to_string("launcher/error.html", context)
    assert '<html lang="es"' in page
    assert foreign(page, {"7k3qpa"}) == []
    assert 'lang="en" aria-labelledby="for-administrators">' in page
    assert html.escape(EXPLANATIONS[code].administrator) in page


def test_a_real_refusal_is_spanish_and_dates_are_not(ehrs: Bridge, spaniard: Browser) -> None:
    page = spaniard.get("/launch")
    assert page.error == "launch_incomplete"
    assert "Abra esto desde su HCE" in page.text
    assert re.search(r"\d\d-(Jan|Feb|Mar|Apr|May|Jun|Jul|Aug|Sep|Oct|Nov|Dec)-\d{4} \d\d:\d\d UTC", page.text)


@pytest.mark.parametrize(
    ("asked", "language"), [("es", "es"), ("es-419", "es"), ("en-GB", "en"), ("pt-BR,pt", "en"), ("", "en")]
)
def test_the_browser_chooses_among_the_languages_that_there_are(asked: str, language: str, ehrs: Bridge) -> None:
    page = Browser(**({"Accept-Language": asked} if asked else {})).get("/")
    assert f'<html lang="{language}"' in page.text


def test_a_streamed_chart_keeps_its_language_whatever_its_thread_does_in_between(
    ehrs: Bridge, spaniard: Browser
) -> None:
    chart = opened(spaniard, R4).url
    page = spaniard.get(chart)
    pieces = iter(page.response.streaming_content)  # type: ignore[attr-defined]
    read = []
    translation.activate("en")
    for piece in pieces:
        assert translation.get_language() == "en", "a piece left its language behind in the thread"
        read.append(piece)
    body = b"".join(read).decode()
    assert len(read) > 8
    assert "Sin alergias conocidas" in body or "Alergias conocidas" in body
    assert "Resultados de laboratorio" in body
    assert not re.search(r"\b(Active|Confirmed|not recorded)\b", "\n".join(seen(body)))


@pytest.mark.parametrize("address", ["/admin/login/", "/sandbox/"])
def test_the_admin_and_the_sandbox_stay_english(address: str, ehrs: Bridge, spaniard: Browser) -> None:
    page = spaniard.get(address)
    assert page.response.headers["Content-Language"] == "en"
    assert re.search(r'<html lang="en(-us)?"', page.text)
    assert not re.search(r"\b(Contraseña|Iniciar|de|la)\b", " ".join(seen(page.text)))
