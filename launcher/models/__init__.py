"""What the launcher keeps: registrations and brands, launches on their way and under way, people, keys, the audit."""

from launcher.models.audit_trail import AuditChain, AuditEvent
from launcher.models.brands import Brand, BrandEndpoint, BrandSource
from launcher.models.check_runs import CheckRun
from launcher.models.keys import SigningAlgorithm, SigningKey
from launcher.models.launches import Launch, PendingLaunch, Person, new_id
from launcher.models.registrations import EhrRegistration, RegistrationQuerySet
from launcher.models.staff import RoleGrant, StaffSites
from launcher.models.styles import StyleSheet
from launcher.models.traces import LaunchTrace, TraceReference

__all__ = [
    "AuditChain",
    "AuditEvent",
    "Brand",
    "BrandEndpoint",
    "BrandSource",
    "CheckRun",
    "EhrRegistration",
    "Launch",
    "LaunchTrace",
    "PendingLaunch",
    "Person",
    "RegistrationQuerySet",
    "RoleGrant",
    "SigningAlgorithm",
    "SigningKey",
    "StaffSites",
    "StyleSheet",
    "TraceReference",
    "new_id",
]
