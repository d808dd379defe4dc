"""Where a simulated EHR answers: every address is built from the site's own origin, never from the Host header."""

from __future__ import annotations

from dataclasses import dataclass

from django.conf import settings

from sandbox import faults
from sandbox.personalities import PERSONALITIES
from sandbox.personality import Personality

MOUNT = "/sandbox"


def site_origin() -> str:
    """The public origin of this site without a closing slash."""
    return str(settings.SMARTPORTAL_BASE_URL).rstrip("/")


@dataclass(frozen=True, slots=True)
class EhrAddress:
    """One simulated EHR as it is addressed: "smart-r4", or "smart-r4~discovery-html" with a discovery fault."""

    personality: Personality
    discovery_fault: str = faults.NO_FAULT

    @classmethod
    def parse(cls, segment: str) -> EhrAddress:
        """Read the path segment; raises ValueError for an EHR or a discovery fault that does not exist."""
        slug, mark, fault = segment.partition("~")
        if slug not in PERSONALITIES:
            raise ValueError(f"no simulated EHR {slug!r}")
        if mark and fault not in faults.names("discovery"):
            raise ValueError(f"no discovery fault {fault!r}")
        return cls(PERSONALITIES[slug], fault or faults.NO_FAULT)

    @property
    def slug(self) -> str:
        return self.personality.slug

    @property
    def segment(self) -> str:
        if self.discovery_fault == faults.NO_FAULT:
            return self.slug
        return f"{self.slug}~{self.discovery_fault}"

    @property
    def root(self) -> str:
        return f"{site_origin()}{MOUNT}/{self.segment}"

    @property
    def issuer(self) -> str:
        """The OpenID issuer: deliberately not the FHIR base, as at most real EHRs."""
        return self.root

    @property
    def fhir_base(self) -> str:
        return f"{self.root}/fhir"

    @property
    def authorize_url(self) -> str:
        return f"{self.root}/{self.personality.oauth_path}/authorize"

    @property
    def token_url(self) -> str:
        return f"{self.root}/{self.personality.exchange_base}/token"

    @property
    def userinfo_url(self) -> str:
        return f"{self.root}/{self.personality.exchange_base}/userinfo"

    @property
    def revoke_url(self) -> str:
        return f"{self.root}/{self.personality.exchange_base}/revoke"

    @property
    def introspect_url(self) -> str:
        return f"{self.root}/{self.personality.exchange_base}/introspect"

    @property
    def style_url(self) -> str:
        return f"{self.root}/style.json"

    @property
    def jwks_url(self) -> str:
        return f"{self.root}/jwks"

    @property
    def fhir_user(self) -> str:
        return f"{self.fhir_base}/Practitioner/{self.personality.provider.id}"


class EhrConverter:
    """Django path converter `<ehr:address>`; an unknown EHR or discovery fault is a 404."""

    regex = "[a-z0-9-]+(?:~[a-z0-9-]+)?"

    def to_python(self, value: str) -> EhrAddress:
        return EhrAddress.parse(value)

    def to_url(self, value: EhrAddress | str) -> str:
        return value if isinstance(value, str) else value.segment
