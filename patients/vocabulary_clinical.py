"""The words of the panels for allergies, vital signs, results, immunizations, visits and documents.

The readers give the words of single codes; here stand the sentences and labels of the chart's own, for translation.
"""

from __future__ import annotations

from datetime import date

from django.utils.translation import gettext_lazy as _
from django.utils.translation import ngettext

from patients.records import AllergyStatement, FileSource
from patients.vocabulary import Words

KNOWN_ALLERGIES: Words = _("Known allergies")
NO_KNOWN_ALLERGIES: Words = _("No known allergies")
ALLERGIES_NOT_RECORDED: Words = _("Allergies not recorded")
ALLERGIES_UNAVAILABLE: Words = _("Allergies unavailable")
REACTION_NOT_RECORDED: Words = _("reaction not recorded")
FREE_TEXT_ALLERGY: Words = _("free text – the EHR may not alert on this")
STATEMENT_WITHOUT_AUTHOR: Words = _("The EHR does not say who stated this and when.")
STATEMENTS: dict[AllergyStatement, Words] = {
    AllergyStatement.ANY: NO_KNOWN_ALLERGIES,
    AllergyStatement.DRUG: _("No known drug allergies"),
    AllergyStatement.FOOD: _("No known food allergies"),
    AllergyStatement.ENVIRONMENT: _("No known environmental allergies"),
    AllergyStatement.INSECT: _("No known insect allergies"),
    AllergyStatement.LATEX: _("No known latex allergies"),
    AllergyStatement.ANIMAL: _("No known animal allergies"),
    AllergyStatement.NO_INFORMATION: _("The EHR states that it has no information about allergies"),
}

CONVERTED: Words = _("converted from %(unit)s")
GAP: Words = _("More than 180 days without a measurement")
WITHOUT_DATE: Words = _("Without a readable date")
OTHER_UNIT: Words = _("previous result in another unit")
THIS_VISIT: Words = _("This visit")
VACCINE_NOT_GIVEN: Words = _("Not given")
REASON_NOT_RECORDED: Words = _("reason not recorded")

FILES: dict[FileSource, Words] = {
    FileSource.INLINE: _("Open"),
    FileSource.EHR: _("Open"),
    FileSource.ELSEWHERE: _("This file lies outside the EHR. Open the document in the EHR."),
    FileSource.NOWHERE: _("The EHR names no file. Open the document in the EHR."),
}


def more(count: int) -> str:
    """Say how many entries a shortened list leaves out: "and 4 more"."""
    return ngettext("and %(count)d more", "and %(count)d more", count) % {"count": count}


def days_old(day: date, today: date) -> str:
    """Say how old a measurement is: "today", "1 day old", "12 days old"; "" for a day that is yet to come."""
    days = (today - day).days
    if days < 0:
        return ""
    if not days:
        return str(_("today"))
    return ngettext("%(count)d day old", "%(count)d days old", days) % {"count": days}
