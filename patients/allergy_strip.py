"""The line under the banner that says what is known about allergies: one of four sentences, never none.

The four labels and the duty to count what is left out are those of the NHS Common User Interface guidance on allergies
("Known allergies", "No known allergies", "Allergies not recorded", "Allergies unavailable").
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import cast

from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from patients.panels import PanelResult, PanelState
from patients.records import Allergy, AllergyGroup

PANEL = "allergies"
"""The panel that the strip sums up."""

OTHERS_SHOWN = 3
"""How many allergies of lower criticality are named beside all those of high criticality."""

_UNKNOWN = {PanelState.FAILED, PanelState.FORBIDDEN, PanelState.UNSUPPORTED}


@dataclass(frozen=True, slots=True)
class AllergyStrip:
    """`label` is one of the four sentences; `high` and `others` are substances, `more` how many are not named here.

    `note` says what keeps the line from being the whole truth; `tone` is a status colour.
    """

    label: str
    tone: str
    high: tuple[str, ...] = ()
    others: tuple[str, ...] = ()
    more: str = ""
    note: str = ""


def pending() -> AllergyStrip:
    """What is said while the EHR has not answered: the panel below will know more."""
    return AllergyStrip(_("Allergies unavailable"), "bad", note=_("The EHR has not answered yet."))


def strip_of(result: PanelResult) -> AllergyStrip:
    """Sum up the allergies panel as it is shown; whatever is not proven is not said."""
    active = _active(result.content)
    known = [allergy for allergy in active if allergy.statement is None]
    whole = result.state not in {PanelState.PARTIAL, PanelState.TRUNCATED}
    note = "" if whole else _("This list is not complete.")
    if result.state in _UNKNOWN:
        return AllergyStrip(_("Allergies unavailable"), "bad")
    if known:
        return _known(known, note)
    if result.state is PanelState.EXPLICIT_NONE:
        return AllergyStrip(_("No known allergies"), "quiet")
    if not whole:
        return AllergyStrip(_("Allergies unavailable"), "bad", note=note)
    # "No known drug allergies" leaves open what else there may be.
    stated = ", ".join(dict.fromkeys(allergy.name.text for allergy in active))
    return AllergyStrip(_("Allergies not recorded"), "unk", note=stated)


def _active(content: Mapping[str, object] | None) -> list[Allergy]:
    rows = cast("Sequence[Allergy]", (content or {}).get("allergies", ()))
    return [allergy for allergy in rows if allergy.group is AllergyGroup.ACTIVE]


def _known(known: Sequence[Allergy], note: str) -> AllergyStrip:
    high = tuple(allergy.name.text for allergy in known if allergy.high)
    others = [allergy.name.text for allergy in known if not allergy.high]
    left = len(others) - OTHERS_SHOWN
    more = ngettext("and %(count)d more", "and %(count)d more", left) % {"count": left} if left > 0 else ""
    return AllergyStrip(
        _("Known allergies"), "warn", high=high, others=tuple(others[:OTHERS_SHOWN]), more=more, note=note
    )
