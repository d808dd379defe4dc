"""What became of a row, field by field, as the audit trail keeps it: before and after, and of secrets only that."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from django.conf import settings
from django.contrib.sites.models import Site
from django.db import models

from launcher import audit, conf
from launcher.fields import EncryptedField

MOST_OF_A_VALUE = 200
Values = Mapping[str, object]
NONE: Values = {}

_NOUNS = {
    "launcher.ehrregistration": "registration",
    "launcher.signingkey": "key",
    "launcher.stylesheet": "style",
}
_SECRET_NAMES = frozenset({"password"})


@dataclass(frozen=True, slots=True)
class Sealed:
    """A secret as it is stored: told apart from another one, and never shown."""

    text: str = field(repr=False)


def values_of(row: models.Model) -> dict[str, object]:
    """Every field of a row that somebody may set, relations to many included; what the product sets itself is not."""
    values = {each.name: _value(row, each) for each in row._meta.concrete_fields if _counts(each)}
    for many in row._meta.many_to_many:
        values[many.name] = sorted(str(each) for each in getattr(row, many.name).all())
    return values


def stored_values(row: models.Model) -> dict[str, object]:
    """The same of the row as the database has it now; nothing when it has none."""
    found = type(row)._base_manager.filter(pk=row.pk).first()
    return values_of(found) if found else {}


def usual_values(model: type[models.Model]) -> dict[str, object]:
    """What a new row has before anybody sets anything."""
    return {
        each.name: Sealed("") if _is_secret(each) else each.get_default()
        for each in model._meta.concrete_fields
        if _counts(each) and not each.is_relation
    }


def _counts(each: models.Field[Any, Any]) -> bool:
    return (each.editable and not each.primary_key) or isinstance(each, EncryptedField)


def _is_secret(each: models.Field[Any, Any]) -> bool:
    return isinstance(each, EncryptedField) or each.name in _SECRET_NAMES


def _value(row: models.Model, each: models.Field[Any, Any]) -> object:
    if _is_secret(each):
        # As it lies there: opening it would need its key, and would tell no more.
        return Sealed(str(row.__dict__.get(each.attname) or ""))
    value = getattr(row, each.name)
    return str(value) if isinstance(value, models.Model) else value


def differences(before: Values, after: Values) -> dict[str, str]:
    """Each field that differs, with what it was and what it is, both in short."""
    names = dict.fromkeys((*before, *after))
    return {
        name: in_short(before.get(name), after.get(name))
        for name in names
        if _comparable(before.get(name)) != _comparable(after.get(name))
    }


def contents(values: Values, usual: Values) -> dict[str, str]:
    """What a row says that was added or is deleted: its fields that are neither empty nor as in every new row."""
    return {
        name: _secret_word("", value.text) if isinstance(value, Sealed) else _cut(value)
        for name, value in values.items()
        if _comparable(value) and _comparable(value) != _comparable(usual.get(name))
    }


def _comparable(value: object) -> object:
    """Nothing, an empty text and an empty list are the same to whoever reads a form."""
    if isinstance(value, Sealed):
        return value.text
    return "" if value is None or value == [] else value


def in_short(before: object, after: object) -> str:
    if isinstance(before, Sealed) or isinstance(after, Sealed):
        return _secret_word(*(each.text if isinstance(each, Sealed) else "" for each in (before, after)))
    return f"{_cut(before)} → {_cut(after)}"


def _secret_word(before: str, after: str) -> str:
    if not after:
        return "removed"
    return "replaced" if before else "set"


def _cut(value: object) -> str:
    return shown(value)[:MOST_OF_A_VALUE]


def shown(value: object) -> str:
    """A value as a person reads it: lists with commas, an empty one as a dash, true and false as on and off."""
    if isinstance(value, bool):
        return "on" if value else "off"
    if isinstance(value, list):
        return ", ".join(map(str, value)) or "–"
    return " ".join(str("" if value is None else value).split()) or "–"


def event_name(row: models.Model, verb: str) -> str:
    """`registration.changed`, `user.created` and so on: the thing and what happened to it."""
    meta = row._meta
    return f"{_NOUNS.get(meta.label_lower, meta.model_name)}.{verb}"[:40]


def write(row: models.Model, verb: str, detail: Mapping[str, str], *, actor: str) -> None:
    """One event of the audit trail about this row. Raises django.db.Error when it cannot be written."""
    registration = _registration_of(row)
    subject = audit.Subject(site=_site_of(row, registration), registration=registration.slug, actor=actor)
    audit.write(event_name(row, verb), subject, audit.Facts(detail={"what": str(row)[:MOST_OF_A_VALUE], **detail}))


@dataclass(frozen=True, slots=True)
class _None:
    """Stands for the registration of what belongs to none."""

    slug: str = ""
    site: Site | None = None


def _registration_of(row: Any) -> Any:
    """The registration that a row is, or belongs to."""
    found = row if row._meta.label_lower == "launcher.ehrregistration" else getattr(row, "registration", None)
    return found or _None()


def _site_of(row: Any, registration: Any) -> str:
    """The site's name in the audit; "" for what belongs to the whole installation."""
    site = getattr(row, "site", None) or registration.site
    if not isinstance(site, Site):
        return ""
    return conf.base_host() if site.pk == settings.SITE_ID else site.domain
