"""Makes id_tokens, good and forged, from keys that are made once for all tests."""

from __future__ import annotations

import base64
import functools
import hashlib
import hmac
import json
from typing import Any

from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import padding, rsa

ISSUER = "https://ehr.test/oauth"
CLIENT = "portal"
NONCE = "n-0123456789"
NOW = 1_800_000_000

CLAIMS: dict[str, Any] = {
    "iss": ISSUER,
    "aud": CLIENT,
    "sub": "provider-7",
    "nonce": NONCE,
    "exp": NOW + 300,
    "iat": NOW,
    "fhirUser": "Practitioner/7",
    "name": "Ada Moreno",
}


@functools.cache
def private_key(name: str = "a", bits: int = 2048) -> rsa.RSAPrivateKey:
    return rsa.generate_private_key(public_exponent=65537, key_size=bits)


def b64(raw: bytes) -> str:
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()


def number(value: int) -> str:
    return b64(value.to_bytes((value.bit_length() + 7) // 8, "big"))


def jwk(name: str = "a", *, bits: int = 2048, **more: Any) -> dict[str, Any]:
    numbers = private_key(name, bits).public_key().public_numbers()
    found = {"kty": "RSA", "kid": name, "n": number(numbers.n), "e": number(numbers.e), **more}
    return {key: value for key, value in found.items() if value is not None}


def public_forms(name: str = "a") -> dict[str, bytes]:
    """The public key in every form that has been abused as an HMAC secret."""
    key = private_key(name).public_key()
    pem, der = serialization.Encoding.PEM, serialization.Encoding.DER
    spki, pkcs1 = serialization.PublicFormat.SubjectPublicKeyInfo, serialization.PublicFormat.PKCS1
    return {
        "pem": key.public_bytes(pem, spki),
        "pkcs1": key.public_bytes(pem, pkcs1),
        "der": key.public_bytes(der, spki),
        "jwk": json.dumps(jwk(name)).encode(),
    }


def signing_input(header: Any, payload: Any) -> str:
    parts = (part if isinstance(part, bytes) else json.dumps(part).encode() for part in (header, payload))
    return ".".join(b64(part) for part in parts)


def rs256(payload: Any, *, key: str = "a", bits: int = 2048, header: Any = None) -> str:
    """Signed with RS256 whatever the header says; `header` None: the honest one with the key's id."""
    text = signing_input({"alg": "RS256", "typ": "JWT", "kid": key} if header is None else header, payload)
    signature = private_key(key, bits).sign(text.encode(), padding.PKCS1v15(), hashes.SHA256())
    return f"{text}.{b64(signature)}"


def hs256(payload: Any, secret: bytes, *, alg: str = "HS256") -> str:
    text = signing_input({"alg": alg, "typ": "JWT", "kid": "a"}, payload)
    return f"{text}.{b64(hmac.new(secret, text.encode(), hashlib.sha256).digest())}"


def flipped(token: str) -> str:
    """The same with one bit of the signature turned."""
    text, _, signature = token.rpartition(".")
    raw = bytearray(base64.urlsafe_b64decode(signature + "=="))
    raw[40] ^= 1
    return f"{text}.{b64(bytes(raw))}"
