"""Registrations as one readable JSON file: what it says, and how it is read back. Secrets are never in it.

A registration is written as what is its own: values that its preset or the model give anyway are left out. What belongs
to one installation (ids, dates, what an EHR was heard to say) is left out too, so that the same registrations always
make the same bytes.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from django.conf import settings
from django.contrib.sites.models import Site
from django.db import models

from launcher import conf, vendors
from launcher.models import EhrRegistration

FORMAT = "smartportal-registrations"
VERSION = 1
MOST_BYTES = 8 * 1024 * 1024
STAYS_HERE = frozenset(
    {
        "id",
        "uuid",
        "site",
        "iss_key",
        "client_secret",
        "secret_saved_at",
        "previous_secret",
        "previous_secret_until",
        "brand_bundle",
        "brand_identifier",
        "demo_patients",
        "created_at",
        "updated_at",
    }
)
FIELDS: dict[str, models.Field[Any, Any]] = {
    field.name: field for field in EhrRegistration._meta.concrete_fields if field.name not in STAYS_HERE
}
ALWAYS = ("slug", "name", "vendor", "iss", "client_id")
NEEDED = ("slug", "name", "iss", "client_id")
PRESET_GIVES = frozenset(
    {
        "iss_is_prefix",
        "fhir_version",
        "auth_method",
        "scopes",
        "scope_version",
        "launch_modes",
        "oidc_issuer",
    }
)
STORED_ELSEWHERE = "env:SMARTPORTAL_SECRET_"
_ABOUT = (
    "Registrations of this app at EHRs, for `manage.py import_ehrs`. No secret is in this file. A registration without "
    "`site` belongs to the default site. What is not named has the value of its preset or the usual one."
)
_UNPRINTABLE = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f\ud800-\udfff]")


class FileError(Exception):
    """Why a file cannot be used, in one sentence."""


@dataclass(frozen=True, slots=True)
class Entry:
    """One registration as the file has it: its place in the file, its site's domain ("": the default site), values."""

    number: int
    site: str
    slug: str
    values: Mapping[str, object]

    @property
    def label(self) -> str:
        where = f" at {self.site}" if self.site else ""
        return (self.slug or f"registration {self.number}") + where


def usual_values(vendor: str) -> dict[str, object]:
    """What a registration has that names nothing but its preset; `redirect_uri` "" means the site's own."""
    values = {name: field.get_default() for name, field in FIELDS.items()}
    if preset := vendors.get(vendor):
        values |= {name: getattr(preset, name) for name in PRESET_GIVES}
        values["launch_modes"] = list(preset.launch_modes)
    return values


def written(registrations: Iterable[EhrRegistration]) -> str:
    """The whole file, sorted by site (the default one first) and slug."""
    variables = secret_variables()
    ordered = sorted(registrations, key=lambda each: (domain_in_file(each.site), each.slug))
    whole = {
        "format": FORMAT,
        "version": VERSION,
        "about": _ABOUT,
        "registrations": [_entry(registration, variables) for registration in ordered],
    }
    return json.dumps(whole, indent=2, ensure_ascii=False) + "\n"


def domain_in_file(site: Site) -> str:
    """The default site is named by no domain: another installation has its own."""
    return "" if site.pk == settings.SITE_ID else site.domain


def secret_variables() -> dict[int, str]:
    """For each row the environment variable that stands in a file for its stored secret; no two rows share one."""
    rows = EhrRegistration.objects.select_related("site").only("slug", "site")
    plain = {row.pk: _variable(row) for row in rows}
    shared = {name for name, count in Counter(plain.values()).items() if count > 1}
    return {row.pk: _exact_variable(row) if plain[row.pk] in shared else plain[row.pk] for row in rows}


def _variable(row: EhrRegistration) -> str:
    domain = domain_in_file(row.site) or conf.base_host()
    return STORED_ELSEWHERE.removeprefix("env:") + re.sub(r"[^A-Z0-9]", "_", f"{domain}_{row.slug}".upper())


def _exact_variable(row: EhrRegistration) -> str:
    """Sites and slugs whose names differ in dots and hyphens alone: what is one EHR's secret must not go to another."""
    return f"{_variable(row)}_{hashlib.sha256(f'{row.site.domain} {row.slug}'.encode()).hexdigest()[:6].upper()}"


def comparable(registration: EhrRegistration) -> dict[str, object]:
    """The values of a row as the file has them: a redirect address of its own site is written without the origin."""
    values: dict[str, object] = {name: getattr(registration, name) for name in FIELDS}
    short = {
        f"{registration.origin}/callback/{registration.slug}": "",
        f"{registration.origin}/callback": "/callback",
    }
    values["redirect_uri"] = short.get(registration.redirect_uri, registration.redirect_uri)
    return values


def _entry(registration: EhrRegistration, variables: Mapping[int, str]) -> dict[str, object]:
    values, usual = comparable(registration), usual_values(registration.vendor)
    # Without its preset at hand nobody can tell what that would give: all of that is written out.
    unknown = bool(registration.vendor) and vendors.get(registration.vendor) is None
    said = {
        name: value
        for name, value in values.items()
        if value != usual[name] or name in NEEDED or (unknown and name in PRESET_GIVES)
    }
    entry = {name: said.pop(name) for name in ALWAYS if name in said} | said
    if domain := domain_in_file(registration.site):
        entry = {"site": domain, **entry}
    if _has_stored_secret(registration):
        variable = variables[registration.pk]
        entry["secret_from"] = f"env:{variable}"
        entry["note"] = f"The secret stays in the database it is stored in; elsewhere set {variable}."
    return entry


def _has_stored_secret(registration: EhrRegistration) -> bool:
    """Whether the row itself holds the secret that is in force. It is not opened: that may need a lost key."""
    return bool(registration.__dict__.get("client_secret")) and not registration.secret_from


def read(body: bytes) -> list[Entry]:
    """The registrations of a file. Raises FileError in one sentence; single values are judged by `problems`."""
    whole = _loaded(body)
    if not isinstance(whole, dict) or whole.get("format") != FORMAT:
        raise FileError(f"This is no file of registrations: “format” is not “{FORMAT}”.")
    if type(whole.get("version")) is not int or whole["version"] != VERSION:
        raise FileError(f"This file is not of version {VERSION}, the only one that is read here.")
    if unknown := sorted(whole.keys() - {"format", "version", "about", "registrations"}):
        raise FileError(f"The file says “{unknown[0]}”, which means nothing here.")
    listed = whole.get("registrations")
    if not isinstance(listed, list) or any(not isinstance(each, dict) for each in listed):
        raise FileError("“registrations” must be a list of registrations.")
    return [_read_entry(number, each) for number, each in enumerate(listed, 1)]


def _loaded(body: bytes) -> Any:
    if len(body) > MOST_BYTES:
        raise FileError(f"The file is larger than {MOST_BYTES // 1024 // 1024} MB.")
    try:
        return json.loads(body.decode("utf-8-sig"), object_pairs_hook=_object)
    except UnicodeDecodeError as error:
        line = body.count(b"\n", 0, error.start) + 1
        raise FileError(f"The file is not UTF-8 text: line {line}.") from error
    except json.JSONDecodeError as error:
        raise FileError(f"The file is not JSON: line {error.lineno}, column {error.colno}: {error.msg}.") from error
    except (RecursionError, ValueError) as error:
        raise FileError("The file is not JSON that can be read: too deep, or a number too long.") from error


def _object(pairs: list[tuple[str, object]]) -> dict[str, object]:
    found = dict(pairs)
    if len(found) != len(pairs):
        twice = next(name for name, count in Counter(name for name, _ in pairs).items() if count > 1)
        raise FileError(f"The file says “{twice}” twice of one thing (slug {found.get('slug', 'unknown')}).")
    return found


def _read_entry(number: int, said: dict[str, object]) -> Entry:
    site, slug = said.get("site", ""), said.get("slug")
    if not isinstance(site, str):
        raise FileError(f"Registration {number}: “site” must be a domain.")
    values = {name: value for name, value in said.items() if name not in {"site", "note"}}
    return Entry(number=number, site=site.strip().lower(), slug=slug if isinstance(slug, str) else "", values=values)


def problems(entry: Entry) -> list[tuple[str, str]]:
    """(field, sentence) for whatever cannot be taken over as it is written."""
    found = [(name, "This is needed.") for name in NEEDED if not entry.values.get(name)]
    for name, value in entry.values.items():
        if name in STAYS_HERE:
            found.append((name, _not_in_a_file(name)))
        elif name not in FIELDS:
            found.append((name, "A registration has no such field."))
        elif problem := _wrong_type(FIELDS[name], value):
            found.append((name, problem))
    vendor = entry.values.get("vendor", "")
    if isinstance(vendor, str) and vendor and vendors.get(vendor) is None and PRESET_GIVES - entry.values.keys():
        found.append(("vendor", f"There is no preset {vendor} here; load the plugin that has it."))
    return found


def _not_in_a_file(name: str) -> str:
    if name == "client_secret":
        return "A secret does not belong in a file: name where it is with “secret_from”."
    return "This belongs to one installation and is not taken over."


def _wrong_type(field: models.Field[Any, Any], value: object) -> str:
    if isinstance(field, models.BooleanField):
        return "" if isinstance(value, bool) else "Write true or false."
    if isinstance(field, models.IntegerField):
        return "" if type(value) is int else "Write a whole number."
    if isinstance(field, models.JSONField):
        texts = isinstance(value, list) and all(
            isinstance(each, str) and not _UNPRINTABLE.search(each) for each in value
        )
        return "" if texts else "Write a list of texts."
    if not isinstance(value, str):
        return "Write a text."
    return "" if _is_text(value) else "Remove invisible characters."


def _is_text(value: object) -> bool:
    return isinstance(value, str) and not _UNPRINTABLE.search(value)
