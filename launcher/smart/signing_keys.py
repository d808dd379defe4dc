"""Public keys of an EHR (JSON Web Key, RFC 7517): chooses those that may have signed a token, and builds them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from cryptography.hazmat.primitives.asymmetric import ec, rsa
from jwt.algorithms import ECAlgorithm, RSAAlgorithm
from jwt.exceptions import InvalidKeyError

from launcher.smart.errors import SmartError

PublicKey = rsa.RSAPublicKey | ec.EllipticCurvePublicKey

RSA_BITS = 2048
# Verification with a longer modulus costs more than any honest key is worth.
RSA_BITS_MOST = 8192
KEYS_TRIED = 5

# Asymmetric algorithms alone: with HS256 our own copy of the public key would be the secret (RFC 8725, section 3.1).
_KEY_TYPES = {"RS": "RSA", "PS": "RSA", "ES": "EC"}
_PUBLIC_PARTS = {"RSA": ("kty", "n", "e"), "EC": ("kty", "crv", "x", "y")}


def key_type(algorithm: str) -> str:
    """The key type, "RSA" or "EC", for an asymmetric algorithm of RFC 7518, section 3.1; "" for every other word."""
    return _KEY_TYPES.get(algorithm[:2], "") if algorithm[2:] in {"256", "384", "512"} else ""


def candidates(keys: Sequence[Mapping[str, object]], *, algorithm: str, kid: str | None) -> list[PublicKey]:
    """At most five keys that fit the algorithm and, if the token names one, the key id.

    Raises `identity_invalid`: "kid" if there is none, so that the caller may ask for newer keys; "key" if those that
    there are cannot be used (too short, malformed).
    """
    named = [key for key in keys if kid is None or key.get("kid") == kid]
    fitting = [key for key in named if _fits(key, algorithm)][:KEYS_TRIED]
    if not fitting:
        raise SmartError("identity_invalid", "none of the EHR's keys fits the id_token", reason="kid")
    built = _build_all(fitting)
    if not built:
        raise SmartError("identity_invalid", "the EHR's key is too short or malformed", reason="key")
    return built


def _fits(key: Mapping[str, object], algorithm: str) -> bool:
    operations = key.get("key_ops", ["verify"])
    return (
        key.get("kty") == key_type(algorithm)
        and key.get("use", "sig") == "sig"
        and key.get("alg", algorithm) == algorithm
        and isinstance(operations, list | tuple)
        and "verify" in operations
    )


def _build_all(keys: Iterable[Mapping[str, object]]) -> list[PublicKey]:
    built = (_build(key) for key in keys)
    return [key for key in built if key is not None]


def _build(key: Mapping[str, object]) -> PublicKey | None:
    """From its public parts alone, whatever else the set holds by mistake."""
    kind = str(key["kty"])
    public = {name: value for name in _PUBLIC_PARTS[kind] if isinstance(value := key.get(name), str)}
    try:
        made = RSAAlgorithm.from_jwk(public) if kind == "RSA" else ECAlgorithm.from_jwk(public)
    except (InvalidKeyError, ValueError):
        return None
    if isinstance(made, rsa.RSAPublicKey):
        return made if RSA_BITS <= made.key_size <= RSA_BITS_MOST else None
    return made if isinstance(made, ec.EllipticCurvePublicKey) else None
