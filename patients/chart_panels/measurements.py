"""What the panels of vital signs and lab results share: which observations are theirs, and those without a result."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from patients.chart_panels.rows import read_all
from patients.panels import ChartContext, Fetched
from patients.records import Observation, ObservationGroup

# http://terminology.hl7.org/CodeSystem/observation-category; DSTU2 and STU3 have the same codes.
CATEGORIES = frozenset(
    {
        "activity",
        "exam",
        "imaging",
        "laboratory",
        "procedure",
        "social-history",
        "survey",
        "therapy",
        "vital-signs",
    }
)


def observations_of(kind: str, context: ChartContext, fetched: Sequence[Fetched]) -> tuple[list[Observation], int, int]:
    """The observations of one category, how many are entered in error, and how many could not be read.

    An EHR that takes no notice of the category sends all it has. Only what is clearly of another category is left to
    its own panel: what has none, or a local one, stays.
    """
    records, unreadable = read_all(fetched, context.reader.observation)
    ours = [each for each in records if kind in each.kinds or not each.kinds or not each.kinds <= CATEGORIES]
    kept = [each for each in ours if each.group is not ObservationGroup.ENTERED_IN_ERROR]
    return kept, len(ours) - len(kept), unreadable


def without_result(records: Iterable[Observation]) -> list[Observation]:
    """What has no result yet or never will have one."""
    return [each for each in records if each.group is not ObservationGroup.RESULT]
