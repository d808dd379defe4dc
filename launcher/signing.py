"""The life of our signing keys: made and published, used once every EHR can know them, retired, forgotten.

SMART App Launch 2.2, "Client Authentication: Asymmetric": one set of keys for the whole installation, served at one
address, from which an EHR takes the key that an assertion names.
"""

from __future__ import annotations

import base64
import hashlib
import json
from collections.abc import Mapping
from datetime import timedelta
from typing import Any

from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from django.db import transaction
from django.utils import timezone
from jwt.algorithms import ECAlgorithm, RSAAlgorithm

from launcher import audit
from launcher.models import EhrRegistration, RegistrationQuerySet, SigningKey
from launcher.smart.client_assertion import ALGORITHMS, RSA_BITS, PrivateKey, SigningKeyPair

# Longer than any EHR may keep the key set by our Cache-Control, so that a key is known before it signs.
PUBLICATION_LEAD = timedelta(hours=1)
# The longest life that the standard gives an assertion, and what clocks may differ.
LAST_ASSERTION = timedelta(minutes=5)
CLOCK_LEEWAY = timedelta(minutes=1)

# What makes a key what it is: hashed into its id (RFC 7638, section 3.2), and all that is ever published of it.
_PUBLIC_PARTS: Mapping[str, tuple[str, ...]] = {"RSA": ("e", "kty", "n"), "EC": ("crv", "kty", "x", "y")}


def make_key(algorithm: str, *, actor: str = "command") -> SigningKey:
    """Make a key pair for "RS384" or "ES384" and publish it at once; see `publish` for when it signs.

    Raises ValueError for another algorithm, SmartError("unavailable") without a field key.
    """
    return publish(SigningKey(algorithm=algorithm), actor=actor)


def publish(key: SigningKey, *, actor: str) -> SigningKey:
    """Give a new row its pair and save it. It signs after the publication lead, or at once if no other key can."""
    private = _generate(key.algorithm)
    key.public_jwk = _public_jwk(private, key.algorithm)
    while key.public_jwk["kid"][0] == "-":  # a command line would take such an id for an option
        private = _generate(key.algorithm)
        key.public_jwk = _public_jwk(private, key.algorithm)
    key.kid = key.public_jwk["kid"]
    key.private_pem = private.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode("ascii")
    with transaction.atomic():
        has_active = SigningKey.objects.active(key.algorithm).exists()
        key.active_from = timezone.now() + (PUBLICATION_LEAD if has_active else timedelta())
        key.save()
        _audit("key.created", key, actor)
    return key


def key_for(algorithm: str) -> SigningKeyPair | None:
    """The newest active key of an algorithm, None when there is none."""
    key = SigningKey.objects.active(algorithm).first()
    return key.pair if key else None


def retire(key: SigningKey, *, actor: str = "command") -> bool:
    """Stop signing with a key at once and for good; False when that was done before.

    Its private half is erased. Its public half stays published until the last assertion it signed has expired. If no
    key of its algorithm is active then, the next one that is published becomes so at once.
    """
    now = timezone.now()
    with transaction.atomic():
        retired = SigningKey.objects.filter(pk=key.pk, retiring_at=None).update(
            retiring_at=now, retired_at=now + LAST_ASSERTION + CLOCK_LEEWAY, private_pem=""
        )
        if retired:
            _audit("key.retired", key, actor)
            heir = SigningKey.objects.waiting(key.algorithm).first()
            if heir and not SigningKey.objects.active(key.algorithm).exists():
                SigningKey.objects.filter(pk=heir.pk).update(active_from=now)
    key.refresh_from_db()
    return bool(retired)


def public_keys() -> list[dict[str, str]]:
    """The key set that EHRs fetch: only public parts, whatever a row holds, and each key id once."""
    found: dict[str, dict[str, str]] = {}
    for kid, algorithm, jwk in (
        SigningKey.objects.published().order_by("created_at", "pk").values_list("kid", "algorithm", "public_jwk")
    ):
        parts = _PUBLIC_PARTS.get(jwk.get("kty", ""), ())
        if parts:
            found[kid] = {**{part: jwk[part] for part in parts}, "kid": kid, "alg": algorithm, "use": "sig"}
    return list(found.values())


def caution(key: SigningKey) -> str:
    """What an administrator is to know after this key was made or retired, in one sentence, or ""."""
    methods = EhrRegistration.AuthMethod
    users = EhrRegistration.objects.filter(enabled=True, signing_algorithm=key.algorithm).order_by("slug")
    if key.state == SigningKey.State.ACTIVE and (names := _slugs(users.filter(auth_method=methods.AUTO))):
        return (
            "These registrations choose their token authentication automatically and sign from now on where the EHR "
            f"advertises private_key_jwt; fix their method if the EHR does not have our JWKS address: {names}."
        )
    if SigningKey.objects.active(key.algorithm).exists():
        return ""
    names = _slugs(users.filter(auth_method=methods.PRIVATE_KEY_JWT))
    return f"No {key.algorithm} key is active now" + (f"; launches fail at {names}." if names else ".")


def _slugs(registrations: RegistrationQuerySet) -> str:
    return ", ".join(registrations.values_list("slug", flat=True))


def _generate(algorithm: str) -> PrivateKey:
    if algorithm == "RS384":
        return rsa.generate_private_key(public_exponent=65537, key_size=RSA_BITS)
    if algorithm == "ES384":
        return ec.generate_private_key(ec.SECP384R1())
    raise ValueError(f"{algorithm!r} is none of {', '.join(ALGORITHMS)}")


def _public_jwk(private: PrivateKey, algorithm: str) -> dict[str, str]:
    public = private.public_key()
    whole: Mapping[str, Any] = (
        RSAAlgorithm.to_jwk(public, as_dict=True)
        if isinstance(public, rsa.RSAPublicKey)
        else ECAlgorithm.to_jwk(public, as_dict=True)
    )
    parts = {name: str(whole[name]) for name in _PUBLIC_PARTS[whole["kty"]]}
    return {**parts, "kid": _thumbprint(parts), "alg": algorithm, "use": "sig"}


def _thumbprint(parts: Mapping[str, str]) -> str:
    """RFC 7638: the same key has the same id wherever it is computed, and no two keys share one."""
    canonical = json.dumps(parts, sort_keys=True, separators=(",", ":")).encode("ascii")
    return base64.urlsafe_b64encode(hashlib.sha256(canonical).digest()).rstrip(b"=").decode("ascii")


def _audit(event: str, key: SigningKey, actor: str) -> None:
    detail = {"kid": key.kid, "algorithm": key.algorithm}
    audit.write(event, audit.Subject(actor=actor), audit.Facts(detail=detail))
