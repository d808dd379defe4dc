"""Copies a registration to another site: everything that two sites may share, and no secret."""

from __future__ import annotations

from django.contrib.sites.models import Site
from django.core.exceptions import NON_FIELD_ERRORS, ValidationError

from launcher.models import EhrRegistration
from launcher.registration_file import FIELDS

NOT_COPIED = frozenset({"enabled", "redirect_uri", "secret_from", "secret_expires_on"})
"""Besides what a file of registrations leaves out: a reference to a secret would let the other site use it."""


class NotCopied(Exception):
    """Why there is no copy, in one sentence."""


def copied(original: EhrRegistration, site: Site) -> EhrRegistration:
    """A new registration on `site`, saved and switched off: its addresses are to be given to the EHR first.

    Raises NotCopied when the site has such a registration already or the copy would break a rule.
    """
    values = {name: getattr(original, name) for name in FIELDS if name not in NOT_COPIED}
    copy = EhrRegistration(site=site, enabled=False, **values)
    copy.redirect_uri = f"{copy.origin}/callback/{copy.slug}"
    if EhrRegistration.objects.filter(site=site, slug=copy.slug).exists():
        raise NotCopied(f"“{original.name}” was not copied: {site.domain} has a registration “{copy.slug}” already.")
    try:
        copy.full_clean()
    except ValidationError as error:
        raise NotCopied(f"“{original.name}” was not copied: {_in_words(error)}") from error
    copy.save()
    return copy


def _in_words(error: ValidationError) -> str:
    name, sentences = next(iter(error.message_dict.items()))
    return sentences[0] if name == NON_FIELD_ERRORS else f"{name}: {sentences[0]}"
