"""Writes every secret in the database anew under the newest of SMARTPORTAL_FIELD_KEYS, while the product is in use.

Each value is replaced only if it is still what was read: what somebody else wrote meanwhile stays. Whatever was done is
done, so that a run may be stopped at any moment and begun again; each value is readable at every moment, before and
after, as long as the old keys are configured.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from django.apps import apps
from django.db import models, transaction
from django.db.models import ExpressionWrapper, F, TextField

from launcher.fields import Ciphertext, EncryptedField, decrypt, encrypt
from launcher.smart.errors import SmartError

BATCH = 100


@dataclass(frozen=True, slots=True)
class Place:
    """One encrypted field of one model."""

    model: type[models.Model]
    field: EncryptedField

    def __str__(self) -> str:
        return f"{self.model._meta.label}.{self.field.name}"

    def older(self) -> models.QuerySet[models.Model]:
        """The rows whose value is not under the newest key, each with that value as `sealed_text`, in order of keys."""
        rows = _with_sealed_text(self).exclude(sealed_text="")
        return rows.exclude(sealed_text__startswith=_newest_mark()).order_by("pk")


@dataclass(frozen=True, slots=True)
class Batch:
    """What became of a few rows: how many were rewritten, and the keys of those whose value nobody can open."""

    done: int
    unreadable: tuple[object, ...]


def places() -> list[Place]:
    """Every encrypted field of every installed model, plugins' own included, each where its column is."""
    return [
        Place(model, field)
        for model in apps.get_models(include_auto_created=True)
        if model._meta.managed and not model._meta.proxy
        for field in model._meta.local_concrete_fields
        if isinstance(field, EncryptedField)
    ]


def rotate(place: Place) -> Iterator[Batch]:
    """Rewrite a field, a batch at a time, each in a transaction of its own.

    A row that is changed in between is left as it is: if it is under an old key still, `older` counts it afterwards.
    Raises SmartError("unavailable") without any key.
    """
    last: object = None
    while True:
        rows = place.older() if last is None else place.older().filter(pk__gt=last)
        batch = list(rows[:BATCH])
        if not batch:
            return
        last = batch[-1].pk
        yield _rewritten(place, batch)


def _rewritten(place: Place, batch: list[models.Model]) -> Batch:
    fresh: list[tuple[object, str, Ciphertext]] = []
    unreadable: list[object] = []
    for row in batch:
        # An annotation of the query, which the row's class does not know of.
        sealed = str(vars(row)["sealed_text"])
        context = place.field.context_of(row)
        try:
            fresh.append((row.pk, sealed, encrypt(decrypt(sealed, context), context)))
        except SmartError:
            unreadable.append(row.pk)
    # Opening and sealing takes the time; the locks are held for the writes alone.
    with transaction.atomic():
        done = sum(_replace(place, pk, sealed, new) for pk, sealed, new in fresh)
    return Batch(done=done, unreadable=tuple(unreadable))


def _replace(place: Place, pk: object, sealed: str, new: Ciphertext) -> int:
    """1, or 0 when the value is no longer what was read (or its row is gone)."""
    return _with_sealed_text(place).filter(pk=pk, sealed_text=sealed).update(**{place.field.name: new})


def _with_sealed_text(place: Place) -> models.QuerySet[models.Model]:
    """All rows, whatever a model's own manager hides; the field itself refuses to be searched, its text does not."""
    text = ExpressionWrapper(F(place.field.name), output_field=TextField())
    return place.model._base_manager.annotate(sealed_text=text)


def _newest_mark() -> str:
    """How every value begins that the newest key has sealed."""
    return encrypt("", "").rpartition(".")[0] + "."
