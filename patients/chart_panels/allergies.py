"""Allergies: the most dangerous first, what is over or ruled out closed, and a stated absence with author and date.

The order, the groups and the duty to name author and date follow the NHS Common User Interface guide to allergies.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy as _lazy
from django.utils.translation import ngettext, pgettext

from launcher.smart.fhir_version import FhirVersion
from patients.chart_panels.rows import Rows, contradiction, queries, read_all
from patients.panels import ChartContext, Fetched, Notice, Panel, PanelContent
from patients.readers.allergy import CATEGORIES
from patients.readers.select import reader_for
from patients.readers.wording import said
from patients.records import Allergy, AllergyGroup, AllergyStatement
from patients.vocabulary_clinical import STATEMENTS

# A narrower "none" is contradicted only by an allergy of its own category, in the words that the reader gives.
_CATEGORY: Mapping[AllergyStatement, str] = {
    AllergyStatement.DRUG: CATEGORIES["medication"],
    AllergyStatement.FOOD: CATEGORIES["food"],
    AllergyStatement.ENVIRONMENT: CATEGORIES["environment"],
}


def _allergies(context: ChartContext, fetched: Sequence[Fetched]) -> PanelContent:
    records, unreadable = read_all(fetched, context.reader.allergy)
    kept = sorted((each for each in records if each.group is not AllergyGroup.ENTERED_IN_ERROR), key=_dangerous_first)
    active = [each for each in kept if each.group is AllergyGroup.ACTIVE]
    statements = [each for each in active if each.statement]
    positives = [each for each in active if not each.statement]
    stated = {each.statement for each in statements}
    none_known = sum(each.states_none is AllergyStatement.ANY for each in statements)
    groups = [
        Rows("active", pgettext("group", "Active"), positives, closed=False),
        Rows("resolved", _("Resolved or inactive"), _of(kept, AllergyGroup.RESOLVED), closed=True, status_first=True),
        Rows("ruled-out", _("Ruled out"), _of(kept, AllergyGroup.RULED_OUT), closed=True),
    ]
    return PanelContent(
        shown=len(kept),
        data={"allergies": kept, "statements": statements, "groups": [group for group in groups if group.rows]},
        summary=ngettext("%(count)d active", "%(count)d active", len(positives)) % {"count": len(positives)}
        if positives
        else "",
        unreadable=unreadable,
        entered_in_error=len(records) - len(kept),
        explicit_none=bool(none_known) and not positives and AllergyStatement.NO_INFORMATION not in stated,
        notices=(
            *contradiction(none_known, len(positives), _("no known allergies")),
            *_narrower_contradictions(statements, positives),
        ),
    )


def _active_words(count: int) -> str:
    return ngettext("%(count)d active", "%(count)d active", count) % {"count": count}


def _of(kept: Iterable[Allergy], group: AllergyGroup) -> list[Allergy]:
    return [each for each in kept if each.group is group]


def _dangerous_first(each: Allergy) -> tuple[bool, bool, str]:
    """Statements above all, then high criticality, then by name."""
    return (each.statement is None, not each.high, each.name.text.casefold())


def _narrower_contradictions(statements: Iterable[Allergy], positives: Sequence[Allergy]) -> tuple[Notice, ...]:
    """ "No known drug allergies" beside a drug: one notice for each kind of statement."""
    found = []
    for statement in dict.fromkeys(each.statement for each in statements if each.statement in _CATEGORY):
        if statement is None:
            continue
        count = sum(said(_CATEGORY[statement]) in each.categories for each in positives)
        words = ngettext(
            "The record says “%(statement)s” and also lists %(count)d of this kind.",
            "The record says “%(statement)s” and also lists %(count)d of this kind.",
            count,
        )
        if count:
            denied = str(STATEMENTS[statement])
            found.append(Notice(words % {"statement": denied[:1].lower() + denied[1:], "count": count}))
    return tuple(found)


ALLERGIES = Panel(
    slug="allergies",
    title=_lazy("Allergies"),
    things=_lazy("allergies"),
    template="patients/panels/allergies.html",
    queries={version: queries(reader_for(version).ALLERGY_QUERIES, _lazy("allergies")) for version in FhirVersion},
    build=_allergies,
    order=60,
    intents=("review-allergies", "reconcile-allergies"),
)
