"""Client assertions: a signed statement, good for one request and four minutes, in place of a client secret.

Source: SMART App Launch 2.2, "Client Authentication: Asymmetric"; RFC 7523, sections 2.2 and 3.
"""

from __future__ import annotations

import secrets
from dataclasses import dataclass
from functools import lru_cache
from typing import Literal, get_args

import jwt
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.serialization import load_pem_private_key

from launcher.smart.errors import SmartError
from launcher.smart.secret import Secret

SigningAlgorithm = Literal["RS384", "ES384"]
PrivateKey = rsa.RSAPrivateKey | ec.EllipticCurvePrivateKey

ALGORITHMS: tuple[SigningAlgorithm, ...] = get_args(SigningAlgorithm)
ASSERTION_TYPE = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"
# The standard allows 300 s; an EHR whose clock is a minute behind ours must still find `exp` within them.
LIFETIME_SECONDS = 240
RSA_BITS = 2048
_JTI_BYTES = 24


@dataclass(frozen=True, slots=True)
class SigningKeyPair:
    """A key to sign with: its id in the published key set, its algorithm, and the private half (PEM, PKCS #8)."""

    kid: str
    algorithm: SigningAlgorithm
    private_pem: Secret


def make_assertion(key: SigningKeyPair, *, client_id: str, audience: str, now: float, jku: str = "") -> Secret:
    """Sign one assertion; each call makes a new one, with a `jti` of 192 random bits.

    `audience` is the token endpoint that it is posted to, `now` seconds since 1970, `jku` the registered address of our
    key set, for EHRs that want to be told. Raises `unavailable`, "signing_key", for a private half that cannot sign.
    """
    issued = int(now)
    claims = {
        "iss": client_id,
        "sub": client_id,
        "aud": audience,
        "iat": issued,
        "exp": issued + LIFETIME_SECONDS,
        "jti": secrets.token_urlsafe(_JTI_BYTES),
    }
    headers = {"typ": "JWT", "kid": key.kid, **({"jku": jku} if jku else {})}
    return Secret(jwt.encode(claims, _private_key(key), algorithm=key.algorithm, headers=headers))


# Reading an RSA key costs a hundred times what signing with it does.
@lru_cache(maxsize=8)
def _private_key(key: SigningKeyPair) -> PrivateKey:
    try:
        private = load_pem_private_key(key.private_pem.reveal().encode(), password=None)
    except (ValueError, TypeError, UnsupportedAlgorithm) as error:
        raise SmartError("unavailable", f"the key {key.kid} cannot be read", reason="signing_key") from error
    if key.algorithm == "RS384" and isinstance(private, rsa.RSAPrivateKey) and private.key_size >= RSA_BITS:
        return private
    if (
        key.algorithm == "ES384"
        and isinstance(private, ec.EllipticCurvePrivateKey)
        and isinstance(private.curve, ec.SECP384R1)
    ):
        return private
    raise SmartError("unavailable", f"the key {key.kid} is none for {key.algorithm}", reason="signing_key")
