"""A database field for secrets: encrypted, authenticated, and bound to the row and the field it was written to."""

from __future__ import annotations

import base64
import hashlib
import os
from typing import Any

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from django.core.exceptions import FieldError
from django.db import models

from launcher import conf
from launcher.smart.errors import SmartError
from launcher.smart.secret import Secret

_FORMAT = "v1"
_NONCE_BYTES = 12


class Ciphertext(str):
    """What lies in the database, told apart from a value that is still to be encrypted."""

    __slots__ = ()


def _key_id(key: bytes) -> str:
    return hashlib.sha256(b"smartportal field key" + key).hexdigest()[:8]


def encrypt(value: str, context: str) -> Ciphertext:
    """Encrypt with the newest key (AES-256-GCM); `context` must be given again to decrypt."""
    keys = conf.field_keys()
    if not keys:
        raise SmartError("unavailable", "SMARTPORTAL_FIELD_KEYS is not set", reason="keys")
    nonce = os.urandom(_NONCE_BYTES)
    sealed = nonce + AESGCM(keys[0]).encrypt(nonce, value.encode(), context.encode())
    return Ciphertext(f"{_FORMAT}.{_key_id(keys[0])}.{base64.urlsafe_b64encode(sealed).decode()}")


def decrypt(stored: str, context: str) -> str:
    """Open what `encrypt` made. Raises SmartError("unavailable") for an unknown key or a value tampered with."""
    version, _, rest = stored.partition(".")
    key_id, _, body = rest.partition(".")
    key = next((key for key in conf.field_keys() if _key_id(key) == key_id), None)
    if version != _FORMAT or key is None:
        raise SmartError("unavailable", "a stored secret was written with a key that is not configured", reason="keys")
    try:
        sealed = base64.urlsafe_b64decode(body)
        return AESGCM(key).decrypt(sealed[:_NONCE_BYTES], sealed[_NONCE_BYTES:], context.encode()).decode()
    except (InvalidTag, ValueError) as error:
        raise SmartError("unavailable", "a stored secret does not belong to its row", reason="keys") from error


class _Attribute:
    """Gives a `Secret` when read and takes a str or `Secret` when set."""

    def __init__(self, field: EncryptedField) -> None:
        self.field = field

    def __get__(self, instance: models.Model | None, owner: type[models.Model]) -> Any:
        if instance is None:
            return self
        if self.field.attname not in instance.__dict__:
            instance.refresh_from_db(fields=[self.field.attname])
        value = instance.__dict__[self.field.attname]
        if isinstance(value, Ciphertext):
            return Secret(decrypt(value, self.field.context_of(instance)))
        return Secret(value)

    def __set__(self, instance: models.Model, value: str | Secret | None) -> None:
        plain = value.reveal() if isinstance(value, Secret) else value
        instance.__dict__[self.field.attname] = "" if plain is None else plain


class EncryptedField(models.TextField):
    """Holds a `Secret`, or "" for none.

    `context` is a fixed text that names the field: it stays when the model or the column is renamed. `bound_to` names
    the attribute with the row's own random id, so that a value copied to another row or field cannot be opened there.
    """

    def __init__(self, *args: Any, context: str, bound_to: str, **kwargs: Any) -> None:
        self.context = context
        self.bound_to = bound_to
        super().__init__(*args, **{**kwargs, "blank": True, "default": "", "editable": False})

    def deconstruct(self) -> Any:
        name, path, args, kwargs = super().deconstruct()
        for fixed in ("blank", "default", "editable"):
            kwargs.pop(fixed, None)
        return name, path, args, {**kwargs, "context": self.context, "bound_to": self.bound_to}

    def contribute_to_class(self, cls: Any, name: str, private_only: bool = False) -> None:
        super().contribute_to_class(cls, name, private_only)
        setattr(cls, self.attname, _Attribute(self))

    def context_of(self, instance: models.Model) -> str:
        return f"{self.context}:{getattr(instance, self.bound_to)}"

    def from_db_value(self, value: str | None, expression: object, connection: object) -> str:
        return Ciphertext(value) if value else ""

    def pre_save(self, model_instance: models.Model, add: bool) -> str:
        value = model_instance.__dict__.get(self.attname, "")
        if value and not isinstance(value, Ciphertext):
            value = encrypt(value, self.context_of(model_instance))
            model_instance.__dict__[self.attname] = value
        return value

    def get_prep_value(self, value: Any) -> Any:
        if value and not isinstance(value, Ciphertext):
            raise FieldError(f"{self.name} is encrypted: it is set on an instance and saved, never in a query.")
        return str(value) if value else ""

    def clean(self, value: Any, model_instance: models.Model | None) -> str:
        """Leave the value as it lies in the instance: reading it as text would store the stars that hide it."""
        return model_instance.__dict__.get(self.attname, "") if model_instance else ""

    def get_lookup(self, lookup_name: str) -> Any:
        raise FieldError(f"{self.name} is encrypted and cannot be searched.")

    def value_to_string(self, obj: models.Model) -> str:
        """Never serialised: `dumpdata` leaves secrets out."""
        return ""
