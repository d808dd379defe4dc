"""What the launcher keeps: registrations and brands, launches on their way and under way, people, keys, the audit."""

from launcher.models.audit_trail import AuditChain, AuditEvent
from launcher.models.brands import Brand, BrandEndpoint, BrandSource
from launcher.models.keys import SigningAlgorithm, SigningKey
from launcher.models.launches import Launch, PendingLaunch, Person, new_id
from launcher.models.registrations import EhrRegistration, RegistrationQuerySet
from launcher.models.styles import StyleSheet

__all__ = [
    "AuditChain",
    "AuditEvent",
    "Brand",
    "BrandEndpoint",
    "BrandSource",
    "EhrRegistration",
    "Launch",
    "PendingLaunch",
    "Person",
    "RegistrationQuerySet",
    "SigningAlgorithm",
    "SigningKey",
    "StyleSheet",
    "new_id",
]
