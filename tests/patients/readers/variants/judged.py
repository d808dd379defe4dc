"""What is wrong with how a variant is shown: words that are gone, a loss that nothing tells of, and non-words."""

from __future__ import annotations

from collections.abc import Iterator

from tests.patients.readers.variants.golden import PART, Golden, path
from tests.patients.readers.variants.making import SENT, Variant, is_hit, is_within
from tests.patients.readers.variants.showing import Shown

NOT_SHOWN = "1 record could not be read and is not shown – check the EHR."
NO_DRUG = "Medication details not available (Medication/d-1)"


def faults_of(golden: Golden, variant: Variant, shown: Shown) -> Iterator[str]:
    """Each fault in words; nothing for a variant that is shown as it should be."""
    yield from shown.faults
    if variant.path == ("resourceType",):
        told = NO_DRUG if golden.kind == "Medication" else NOT_SHOWN
        yield from [] if told in shown.text else [f"not told: {shown.text}"]
        return
    for words, needs in golden.shown.items():
        hit = any(is_hit(variant.path, need) for need in needs)
        if not hit and words not in shown.text:
            yield f"{words!r} is gone from {shown.text!r}"
    yield from _untold(golden, variant, shown)


def _untold(golden: Golden, variant: Variant, shown: Shown) -> Iterator[str]:
    expected = {path(where): words for where, words in golden.instead.items()}.get(variant.path)
    if not variant.loud:
        if expected and expected[0] not in shown.text:
            yield f"{expected[0]!r} is not in {shown.text!r}"
        return
    if any(is_within(variant.path, unread) for unread in golden.unread):
        return
    told = [PART, *(expected[1].split("|") if expected else []), *([SENT] if variant.value == SENT else [])]
    if not any(words.casefold() in shown.text.casefold() for words in told):
        yield f"nothing tells of it in {shown.text!r}"
