"""Finds the EHR that somebody means, by the names of User-access Brands and of registrations.

SMART App Launch 2.2, "User-access Brands and Endpoints": `Organization.name` is shown and never `Endpoint.name`; what
an EHR's own SMART configuration names goes before a vendor's bundle; being in a bundle is no permission to be used.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace
from urllib.parse import urlsplit

from django.db.models import Exists, OuterRef

from launcher.models import Brand, BrandEndpoint, EhrRegistration
from launcher.smart.brands import folded
from launcher.smart.foreign_text import plain

QUERY_MOST = 100
SHOWN_MOST = 50
_READ_MOST = 200
_WORDS_MOST = 6


@dataclass(frozen=True, slots=True)
class Choice:
    """One line of the list: a name, where it is, and the registrations it leads to.

    `startable` take a launch that starts here; `inside` are registered, but open from inside the EHR alone. With
    neither it is not set up here.
    """

    name: str
    places: tuple[str, ...] = ()
    startable: tuple[EhrRegistration, ...] = ()
    inside: tuple[EhrRegistration, ...] = ()
    identifiers: frozenset[str] = field(default_factory=frozenset)

    @property
    def place(self) -> str:
        """Where it is, in a few words."""
        more = "…" if len(self.places) > 3 else ""
        return "; ".join(self.places[:3]) + more


@dataclass(frozen=True, slots=True)
class Found:
    """What a search came to, what can be started first; `more`: there are further brands that are not shown."""

    query: str
    choices: tuple[Choice, ...]
    more: bool


def asked_for(value: str) -> str:
    """What was written into the search box, as far as it is used; "" for what no name can be."""
    return plain(value[:QUERY_MOST])


def search(query: str, registrations: Sequence[EhrRegistration]) -> Found:
    """The brands and registrations that have all words of `query` in their names or places.

    `registrations` are the enabled ones of a site. Four questions to the database at most, however many brands.
    """
    words = folded(query).split()[:_WORDS_MOST]
    if not words:
        return Found(query, (), more=False)
    own = [_of_registration(each) for each in registrations if _has(folded(each.name), words)]
    by_key = {each.iss_key for each in registrations if each.iss_key}
    brands = Brand.objects.select_related("source")
    for word in words:
        brands = brands.filter(words__contains=word)
    here = Exists(BrandEndpoint.objects.filter(brand=OuterRef("pk"), key__in=by_key))
    known = list(brands.filter(here).prefetch_related("endpoints")[: _READ_MOST + 1])
    others = list(brands.filter(~here)[: SHOWN_MOST + 1])
    set_up = _merged(_known(known, registrations))
    choices = [*_without_twins(own, set_up), *set_up, *_merged(map(_of_brand, others), before=set_up)]
    choices.sort(key=lambda choice: (not choice.startable, not choice.inside, folded(choice.name)))
    more = len(choices) > SHOWN_MOST or len(known) > _READ_MOST or len(others) > SHOWN_MOST
    return Found(query, tuple(choices[:SHOWN_MOST]), more=more)


def _has(text: str, words: Iterable[str]) -> bool:
    return all(word in text for word in words)


def _of_registration(registration: EhrRegistration) -> Choice:
    return _with(Choice(registration.name, (urlsplit(registration.iss).hostname or "",)), [registration])


def _with(choice: Choice, registrations: Iterable[EhrRegistration]) -> Choice:
    found = list(registrations)
    return replace(
        choice,
        startable=tuple(each for each in found if "standalone" in each.launch_modes),
        inside=tuple(each for each in found if "standalone" not in each.launch_modes),
    )


def _of_brand(brand: Brand) -> Choice:
    return Choice(brand.name, tuple(brand.places), identifiers=frozenset(brand.identifiers))


def _known(brands: Iterable[Brand], registrations: Sequence[EhrRegistration]) -> list[Choice]:
    """Brands of registered EHRs; one whose EHRs all name themselves elsewhere is not theirs to be shown."""
    found = []
    for brand in brands:
        keys = {endpoint.key for endpoint in brand.endpoints.all()}
        theirs = [each for each in registrations if each.iss_key in keys and _is_own(brand, each)]
        if theirs:
            found.append(_with(_of_brand(brand), theirs))
    return found


def _is_own(brand: Brand, registration: EhrRegistration) -> bool:
    """Whether an EHR that names a bundle, or an organization in it, means this one (or what this one is part of)."""
    if not registration.brand_bundle:
        return True
    if brand.source.address != registration.brand_bundle:
        return False
    named = registration.brand_identifier
    return not named or named in brand.identifiers or named in brand.above


def _merged(choices: Iterable[Choice], *, before: Iterable[Choice] = ()) -> list[Choice]:
    """One line for organizations that share an identifier; those that stand in `before` are shown there."""
    lines: list[Choice] = []
    place_of: dict[str, int] = {}
    shown = {identifier for choice in before for identifier in choice.identifiers}
    for choice in choices:
        if choice.identifiers & shown:
            continue
        at = next((place_of[each] for each in choice.identifiers if each in place_of), len(lines))
        if at == len(lines):
            lines.append(choice)
        else:
            lines[at] = _joined(lines[at], choice)
        place_of |= dict.fromkeys(choice.identifiers, at)
    return lines


def _joined(one: Choice, other: Choice) -> Choice:
    return replace(
        one,
        places=tuple(dict.fromkeys((*one.places, *other.places))),
        startable=tuple(dict.fromkeys((*one.startable, *other.startable))),
        inside=tuple(dict.fromkeys((*one.inside, *other.inside))),
        identifiers=one.identifiers | other.identifiers,
    )


def _without_twins(own: Iterable[Choice], brands: Iterable[Choice]) -> list[Choice]:
    """A registration whose brand was found as well is named by its brand."""
    named = {registration.pk for choice in brands for registration in (*choice.startable, *choice.inside)}
    return [choice for choice in own if not {each.pk for each in (*choice.startable, *choice.inside)} & named]


def there_are_brands() -> bool:
    """Whether any bundle has been taken in."""
    return Brand.objects.exists()
