"""Takes registrations over from a file: a plan of what would change, and the change as a whole or not at all.

A registration that the file names becomes what the file says; one that it does not name is left alone. Stored secrets
are never read, replaced or removed.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from django.conf import settings
from django.contrib.sites.models import Site
from django.core.exceptions import NON_FIELD_ERRORS, ValidationError
from django.db import transaction

from launcher import audit, conf
from launcher.changes import MOST_OF_A_VALUE, in_short, shown
from launcher.models import EhrRegistration
from launcher.registration_file import (
    STORED_ELSEWHERE,
    Entry,
    FileError,
    comparable,
    problems,
    usual_values,
)
from launcher.smart.errors import SmartError


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """What a registration becomes: each changed field with its value before and after."""

    slug: str
    domain: str
    label: str
    created: bool
    fields: Mapping[str, tuple[object, object]]
    keeps_secret: bool = False
    secret_from: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """All that a file would do, in its order, and the registrations of its sites that it does not name."""

    changes: Sequence[Change] = ()
    left_alone: Sequence[str] = ()


class WrongRows(Exception):
    """Rows that break a rule: (label, field, sentence) for each, all of them at once."""

    def __init__(self, rows: Sequence[tuple[str, str, str]]) -> None:
        super().__init__(f"{len(rows)} problems")
        self.rows = rows


class _Undo(Exception):
    """Takes back the transaction in which a plan was made."""


@dataclass(slots=True)
class _Work:
    """What has been found out while going through a file."""

    changes: list[Change] = field(default_factory=list)
    wrong: list[tuple[str, str, str]] = field(default_factory=list)
    named: set[tuple[int, str]] = field(default_factory=set)
    sites: dict[int, Site] = field(default_factory=dict)


def plan(entries: Sequence[Entry], *, site: Site | None = None) -> Plan:
    """What `apply` would do, by doing it and taking it back: the database judges a plan as it would the change."""
    work = _Work()
    try:
        with transaction.atomic():
            made = _go_through(entries, site, work)
            raise _Undo
    except _Undo:
        return made


def apply(entries: Sequence[Entry], *, site: Site | None = None) -> Plan:
    """Change everything in one transaction, with an event of the audit trail for each registration.

    With `site` all rows go to that site, whatever the file calls it. Raises WrongRows, or FileError where the file as a
    whole does not fit; then nothing is changed.
    """
    with transaction.atomic():
        made = _go_through(entries, site, _Work())
        for change in made.changes:
            if change.fields:
                _audit(change)
        return made


def _go_through(entries: Sequence[Entry], site: Site | None, work: _Work) -> Plan:
    if site is not None and len({entry.site for entry in entries}) > 1:
        raise FileError("This file is about several sites; --site is for a file about one.")
    for entry in entries:
        _take_over(entry, site, work)
    if work.wrong:
        raise WrongRows(work.wrong)
    return Plan(changes=tuple(work.changes), left_alone=tuple(_left_alone(work)))


def _take_over(entry: Entry, site: Site | None, work: _Work) -> None:
    target = site or _site_named(entry.site)
    wrong = problems(entry)
    if target is None:
        sentence = f"There is no site with the domain {entry.site}; add it in the admin under Sites."
        wrong.append(("site", sentence))
    elif (target.pk, entry.slug) in work.named:
        wrong.append(("slug", "The file has this registration twice."))
    if target is None or wrong:
        work.wrong += [(entry.label, name, sentence) for name, sentence in wrong]
        return
    work.sites[target.pk] = target
    work.named.add((target.pk, entry.slug))
    _save(entry, target, work)


def _site_named(domain: str) -> Site | None:
    if not domain or domain == conf.base_host():
        return Site.objects.get(pk=settings.SITE_ID)
    return Site.objects.filter(domain__iexact=domain).first()


def _save(entry: Entry, site: Site, work: _Work) -> None:
    # Locked, so that nobody's change of the same row, a new secret above all, is written over unseen.
    rows = EhrRegistration.objects.select_for_update(of=("self",)).select_related("site")
    found = rows.filter(site=site, slug=entry.slug).first()
    row = found or EhrRegistration(site=site, slug=entry.slug)
    wanted = usual_values(str(entry.values.get("vendor", ""))) | dict(entry.values)
    stored = bool(row.__dict__.get("client_secret"))
    if stored and not row.secret_from and _stands_for_stored(wanted["secret_from"]):
        wanted["secret_from"] = ""
    before = comparable(row) if found else usual_values("") | {"slug": ""}
    changed = {name: (before[name], value) for name, value in wanted.items() if before[name] != value}
    for name in changed:
        setattr(row, name, wanted[name])
    if "redirect_uri" in changed:
        row.redirect_uri = _whole_redirect(row, str(wanted["redirect_uri"]))
    if wrong := _broken_rules(row):
        work.wrong += [(entry.label, name, sentence) for name, sentence in wrong]
        return
    change = Change(
        slug=row.slug,
        domain=conf.base_host() if site.pk == settings.SITE_ID else site.domain,
        label=_label(row),
        created=found is None,
        fields=changed,
        keeps_secret=stored,
        secret_from=row.secret_from,
    )
    work.changes.append(change)
    if changed:
        row.save(update_fields=None if found is None else {*changed, "iss_key", "updated_at"})


def _stands_for_stored(source: object) -> bool:
    """Whether this reference only says that the secret was stored where the file was written."""
    return isinstance(source, str) and source.startswith(STORED_ELSEWHERE)


def _whole_redirect(row: EhrRegistration, written: str) -> str:
    """The address itself; "" becomes the site's own for this slug when the row is saved."""
    return f"{row.origin}{written}" if written == "/callback" else written


def _broken_rules(row: EhrRegistration) -> list[tuple[str, str]]:
    try:
        row.full_clean()
    except ValidationError as error:
        return [
            (name, sentence) if name != NON_FIELD_ERRORS else ("client_id", _twin_of(row) or sentence)
            for name, sentences in error.message_dict.items()
            for sentence in sentences
        ]
    except SmartError as error:
        # Some rules ask whether there is a secret; one that cannot be opened must not end in a traceback.
        return [("client_secret", f"{error.description[:1].upper()}{error.description[1:]}.")]
    return []


def _twin_of(row: EhrRegistration) -> str:
    same = EhrRegistration.objects.for_site(row.site_id).with_iss(row.iss).filter(client_id=row.client_id)
    twin = same.exclude(pk=row.pk).first()
    return f"“{twin.slug}” has this issuer and client ID already." if twin else ""


def _left_alone(work: _Work) -> Iterable[str]:
    rows = EhrRegistration.objects.filter(site__in=work.sites.values()).select_related("site").order_by("site", "slug")
    for row in rows:
        if (row.site_id, row.slug) not in work.named:
            yield _label(row)


def _label(row: EhrRegistration) -> str:
    return row.slug if row.site_id == settings.SITE_ID else f"{row.slug} at {row.site.domain}"


def _audit(change: Change) -> None:
    """What, where, before and after; there is no secret among the fields of a file."""
    subject = audit.Subject(site=change.domain, registration=change.slug, actor="command")
    detail = {
        name: shown(after)[:MOST_OF_A_VALUE] if change.created else in_short(before, after)
        for name, (before, after) in change.fields.items()
    }
    event = "registration.created" if change.created else "registration.changed"
    audit.write(event, subject, audit.Facts(detail={**detail, "by": "import_ehrs"}))
