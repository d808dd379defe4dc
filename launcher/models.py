"""What the launcher keeps: registrations, launches on their way and launches under way, people, and the audit trail."""

from __future__ import annotations

import secrets
import uuid
from typing import ClassVar

from django.conf import settings
from django.contrib.sites.models import Site
from django.db import models

from launcher import conf, registration_rules, vendors
from launcher.fields import EncryptedField
from launcher.secret_sources import read_secret_source
from launcher.smart.fhir_version import FhirVersion
from launcher.smart.quirks import STANDARD, Quirks
from launcher.smart.registration import ClientRegistration
from launcher.smart.secret import Secret


def new_id() -> str:
    """128 random bits in hexadecimal: the id of a launch, which stands in its chart's address."""
    return secrets.token_hex(16)


class RegistrationQuerySet(models.QuerySet["EhrRegistration"]):
    def for_site(self, site_id: int) -> RegistrationQuerySet:
        return self.filter(site_id=site_id)

    def with_iss(self, iss: str) -> RegistrationQuerySet:
        """Those whose issuer equals `iss` by parsed parts; none when `iss` is no FHIR base address at all."""
        key = registration_rules.iss_key(iss)
        return self.filter(iss_key=key) if key else self.none()


class EhrRegistration(models.Model):
    """This app as registered at one EHR, for one site. The field names are those of `docs/contract.md`, section 7."""

    class Environment(models.TextChoices):
        SANDBOX = "sandbox", "Sandbox"
        TEST = "test", "Test"
        PRODUCTION = "production", "Production"

    class AuthMethod(models.TextChoices):
        AUTO = "auto", "Automatic"
        NONE = "none", "None (public client)"
        BASIC = "client_secret_basic", "client_secret_basic"
        POST = "client_secret_post", "client_secret_post"
        PRIVATE_KEY_JWT = "private_key_jwt", "private_key_jwt"

    class AuthorizeMethod(models.TextChoices):
        AUTO = "auto", "Automatic"
        GET = "get", "GET (redirect)"
        POST = "post", "POST (form)"

    class ScopeVersion(models.TextChoices):
        AUTO = "auto", "Automatic"
        V1 = "v1", "Version 1 (.read)"
        V2 = "v2", "Version 2 (.rs)"

    class SigningAlgorithm(models.TextChoices):
        RS384 = "RS384", "RS384"
        ES384 = "ES384", "ES384"

    class Version(models.TextChoices):
        AUTO = "auto", "Detect"
        DSTU2 = "DSTU2", "DSTU2"
        STU3 = "STU3", "STU3"
        R4 = "R4", "R4"
        R4B = "R4B", "R4B"
        R5 = "R5", "R5"

    uuid = models.UUIDField(default=uuid.uuid4, unique=True, editable=False)
    site = models.ForeignKey(Site, on_delete=models.PROTECT, related_name="ehr_registrations")
    slug = models.SlugField(max_length=60, help_text="Part of the launch address. Lower-case letters, digits, hyphens.")
    name = models.CharField(max_length=120, help_text="What staff see, for example “Main Clinic – EHR”.")
    vendor = models.CharField("preset", max_length=80, blank=True, help_text="Where the first values came from.")
    environment = models.CharField(
        max_length=12,
        choices=Environment.choices,
        default=Environment.SANDBOX,
        help_text="Anything but Production shows a TEST DATA strip on the chart.",
    )
    enabled = models.BooleanField(
        default=True, help_text="Off: launches are refused with a message to staff. Nothing is deleted."
    )
    iss = models.CharField(
        "issuer (iss)",
        max_length=2000,
        help_text="FHIR base address as the EHR sends it in iss, for example https://ehr.example.org/fhir. "
        "A slash at the end does not matter.",
    )
    iss_key = models.CharField(max_length=2000, editable=False, blank=True, db_index=True)
    client_id = models.CharField("client ID", max_length=500, help_text="Given by the vendor. Not secret.")
    client_secret = EncryptedField(context="ehr-registration.client-secret", bound_to="uuid")
    secret_saved_at = models.DateTimeField(null=True, blank=True, editable=False)
    secret_from = models.CharField(
        "secret from",
        max_length=500,
        blank=True,
        help_text="Instead of a stored secret: env:NAME of an environment variable, or file:/path of a file.",
    )
    redirect_uri = models.CharField(
        "redirect URI",
        max_length=2000,
        blank=True,
        help_text="Register this exact text with the vendor. Left empty: this site's /callback/<slug>.",
    )
    scopes = models.TextField(
        default="launch openid fhirUser patient/*.rs",
        help_text="What is asked for, separated by spaces. “launch” gives the patient of an EHR launch.",
    )
    auth_method = models.CharField(
        "token authentication", max_length=24, choices=AuthMethod.choices, default=AuthMethod.AUTO
    )
    basic_raw = models.BooleanField(
        "Basic without encoding",
        default=False,
        help_text="Some EHRs want client ID and secret in the Basic header as they are, not form-encoded.",
    )
    signing_algorithm = models.CharField(
        max_length=5,
        choices=SigningAlgorithm.choices,
        default=SigningAlgorithm.RS384,
        help_text="For private_key_jwt.",
    )
    authorize_method = models.CharField(
        "authorization request",
        max_length=4,
        choices=AuthorizeMethod.choices,
        default=AuthorizeMethod.AUTO,
        help_text="Automatic uses POST where the EHR takes it and the address would be too long.",
    )
    scope_version = models.CharField(
        max_length=4,
        choices=ScopeVersion.choices,
        default=ScopeVersion.AUTO,
        help_text="How resource scopes are written; the two are never mixed.",
    )
    authorization_endpoint = models.CharField(
        max_length=2000, blank=True, help_text="Only when the EHR's own documents are wrong."
    )
    token_endpoint = models.CharField(
        max_length=2000, blank=True, help_text="Only when the EHR's own documents are wrong."
    )
    jwks_uri = models.CharField(
        "JWKS address", max_length=2000, blank=True, help_text="Only when the EHR's own documents are wrong."
    )
    iss_is_prefix = models.BooleanField(
        "issuer is a prefix",
        default=False,
        help_text="For test launchers that put each test into the issuer. Refused for Production.",
    )
    id_token_algorithms = models.JSONField(
        "id_token algorithms",
        default=registration_rules.default_id_token_algorithms,
        blank=True,
        help_text="Signatures that are accepted. RS256 is what EHRs must support.",
    )
    fhir_version = models.CharField(
        "FHIR version",
        max_length=6,
        choices=Version.choices,
        default=Version.AUTO,
        help_text="Detect reads it from the EHR's /metadata.",
    )
    launch_modes = models.JSONField(default=registration_rules.default_launch_modes, blank=True)
    oidc_issuer = models.CharField(
        "OpenID issuer", max_length=2000, blank=True, help_text="Only if it must be one certain issuer."
    )
    require_identity = models.BooleanField(
        default=False, help_text="Refuse a launch in which the EHR does not say who signed in."
    )
    approved_origins = models.JSONField(
        default=list, blank=True, help_text="Origins besides that of the issuer where endpoints and keys may lie."
    )
    frame_ancestors = models.JSONField(
        "may show us in a frame", default=list, blank=True, help_text="Origins of the EHR's pages that frame this app."
    )
    allowed_networks = models.JSONField(
        default=list, blank=True, help_text="Narrows the installation's allowed networks. Empty: all of those."
    )
    send_pkce = models.BooleanField(
        "send PKCE", default=True, help_text="Switching this off is unsafe; only a superuser can."
    )
    time_zone = models.CharField(max_length=64, blank=True, help_text="For ages and times on the chart. Empty: UTC.")
    demo_patients = models.JSONField(default=list, blank=True, editable=False)
    created_at = models.DateTimeField(auto_now_add=True)
    updated_at = models.DateTimeField(auto_now=True)

    objects = RegistrationQuerySet.as_manager()

    class Meta:
        verbose_name = "EHR registration"
        ordering: ClassVar = ["name"]
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["site", "slug"], name="ehr_registration_slug_per_site"),
            models.UniqueConstraint(fields=["site", "iss_key", "client_id"], name="ehr_registration_client_per_site"),
        ]

    def __str__(self) -> str:
        return self.name

    def save(self, *args: object, **kwargs: object) -> None:
        self.iss_key = registration_rules.iss_key(self.iss)
        if not self.redirect_uri:
            self.redirect_uri = f"{self.origin}/callback/{self.slug}"
        super().save(*args, **kwargs)  # type: ignore[arg-type]  # Model.save's own signature

    def clean(self) -> None:
        self.iss_key = registration_rules.iss_key(self.iss)
        registration_rules.check(self)

    @property
    def origin(self) -> str:
        """The public origin of this registration's site: launch and redirect addresses lie below it."""
        return conf.base_url() if self.site_id == settings.SITE_ID else f"https://{self.site.domain}"

    @property
    def quirks(self) -> Quirks:
        preset = vendors.get(self.vendor)
        return preset.quirks if preset else STANDARD

    @property
    def secret(self) -> Secret:
        """The client secret in force, from the database or from where `secret_from` points."""
        return read_secret_source(self.secret_from) if self.secret_from else self.client_secret

    def as_client(self, *, secret: Secret | None = None) -> ClientRegistration:
        """Plain data for the protocol layer. A launch under way passes the `secret` it began with."""
        preset = vendors.get(self.vendor)
        return ClientRegistration(
            iss=self.iss,
            client_id=self.client_id,
            redirect_uri=self.redirect_uri,
            scopes=self.scopes,
            auth_method=self.auth_method,
            client_secret=self.secret if secret is None else secret,
            fhir_version=None if self.fhir_version == self.Version.AUTO else FhirVersion(self.fhir_version),
            oidc_issuer=self.oidc_issuer,
            require_identity=self.require_identity,
            approved_origins=(*self.approved_origins, *(preset.approved_origins if preset else ())),
            networks=registration_rules.narrowed_networks(tuple(self.allowed_networks)),
            ca_bundle=settings.SMARTPORTAL_CA_BUNDLE,
            quirks=registration_rules.with_pkce_switch(self.quirks, self.send_pkce),
        )


class Person(models.Model):
    """Somebody an EHR has identified: (issuer, subject), never a name or e-mail address (OpenID Connect Core, 5.7)."""

    issuer = models.CharField(max_length=2000)
    subject = models.CharField(max_length=255)
    user = models.OneToOneField(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="smart_person")
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        constraints: ClassVar = [models.UniqueConstraint(fields=["issuer", "subject"], name="person_issuer_subject")]

    def __str__(self) -> str:
        return f"{self.subject} at {self.issuer}"


class PendingLaunch(models.Model):
    """Between the redirect to the EHR and the callback: used once, for ten minutes, by one browser.

    State and browser secret are kept as hashes only. Everything the callback needs is kept as it was at the redirect,
    so that a change of the registration in between cannot mix two versions of it.
    """

    uuid = models.UUIDField(default=uuid.uuid4, unique=True, editable=False)
    state_hash = models.CharField(max_length=64, unique=True)
    binding_hash = models.CharField(max_length=64)
    browser_hash = models.CharField(max_length=64, db_index=True)
    registration = models.ForeignKey(EhrRegistration, on_delete=models.CASCADE, related_name="pending_launches")
    created_at = models.DateTimeField(db_index=True)
    consumed_at = models.DateTimeField(null=True)
    mode = models.CharField(max_length=10, default="ehr")
    iss = models.CharField(max_length=2000)
    redirect_uri = models.CharField(max_length=2000)
    scopes = models.TextField()
    nonce = models.CharField(max_length=64, blank=True)
    configuration = models.JSONField()
    verifier = EncryptedField(context="pending-launch.verifier", bound_to="uuid")
    client_secret = EncryptedField(context="pending-launch.client-secret", bound_to="uuid")
    launch = models.ForeignKey("Launch", on_delete=models.CASCADE, null=True, related_name="pending")

    def __str__(self) -> str:
        return f"pending launch at {self.registration}"


class Launch(models.Model):
    """One launch is one session: one patient, one EHR, one browser, one set of tokens."""

    id = models.CharField(primary_key=True, max_length=32, default=new_id, editable=False)
    site = models.ForeignKey(Site, on_delete=models.PROTECT, related_name="launches")
    registration = models.ForeignKey(EhrRegistration, on_delete=models.PROTECT, related_name="launches")
    reference = models.CharField(max_length=6)
    created_at = models.DateTimeField()
    last_seen_at = models.DateTimeField()
    ended_at = models.DateTimeField(null=True)
    end_reason = models.CharField(max_length=40, blank=True)
    binding_hash = models.CharField(max_length=64)
    browser_hash = models.CharField(max_length=64, db_index=True)
    iss = models.CharField(max_length=2000)
    fhir_version = models.CharField(max_length=6)
    configuration = models.JSONField()
    patient = models.CharField(max_length=64, blank=True)
    encounter = models.CharField(max_length=64, blank=True)
    need_patient_banner = models.BooleanField(null=True)
    requested_scopes = models.TextField()
    granted_scopes = models.TextField(null=True)  # noqa: DJ001  # null: the EHR sent no scope; "": it granted none
    person = models.ForeignKey(Person, on_delete=models.PROTECT, null=True, related_name="launches")
    viewer = models.CharField(max_length=255, blank=True)
    fhir_user = models.CharField(max_length=2000, blank=True)
    access_token = EncryptedField(context="launch.access-token", bound_to="id")
    refresh_token = EncryptedField(context="launch.refresh-token", bound_to="id")
    token_expires_at = models.DateTimeField(null=True)
    token_version = models.PositiveIntegerField(default=0)
    refresh_lease_until = models.DateTimeField(null=True)
    mode = models.CharField(max_length=10, default="ehr")
    intent = models.CharField(max_length=200, blank=True)
    tenant = models.CharField(max_length=500, blank=True)
    fhir_context = models.JSONField(default=list)
    smart_style_url = models.CharField(max_length=2000, blank=True)

    class Meta:
        verbose_name_plural = "launches"
        indexes: ClassVar = [models.Index(fields=["registration", "-created_at"], name="launch_by_registration")]

    def __str__(self) -> str:
        return f"launch {self.reference} at {self.registration}"


class SigningKey(models.Model):
    """A key pair that signs client assertions (`private_key_jwt`): published first, used later, retired last.

    The private half is a PEM text, encrypted; `public_jwk` is what stands at /.well-known/jwks.json.
    """

    uuid = models.UUIDField(default=uuid.uuid4, unique=True, editable=False)
    kid = models.CharField("key ID", max_length=64, unique=True)
    algorithm = models.CharField(max_length=5, choices=EhrRegistration.SigningAlgorithm.choices)
    private_pem = EncryptedField(context="signing-key.private-pem", bound_to="uuid")
    public_jwk = models.JSONField()
    created_at = models.DateTimeField(auto_now_add=True)
    active_from = models.DateTimeField()
    retiring_at = models.DateTimeField(null=True, blank=True)
    retired_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        ordering: ClassVar = ["-created_at"]

    def __str__(self) -> str:
        return f"{self.kid} ({self.algorithm})"


class AuditChain(models.Model):
    """The head of one of the sixteen audit chains; locked for the insert of an event alone."""

    number = models.PositiveSmallIntegerField(primary_key=True)
    sequence = models.PositiveBigIntegerField(default=0)
    hash = models.CharField(max_length=64, default="")

    def __str__(self) -> str:
        return f"audit chain {self.number}"


class AuditEvent(models.Model):
    """Something that was done or refused. Only ever added; no foreign keys, so that nothing else can change it."""

    chain = models.PositiveSmallIntegerField()
    sequence = models.PositiveBigIntegerField()
    at = models.DateTimeField(db_index=True)
    event = models.CharField(max_length=40, db_index=True)
    outcome = models.CharField(max_length=20)
    code = models.CharField(max_length=40, blank=True)
    reason = models.CharField(max_length=60, blank=True)
    reference = models.CharField(max_length=6, blank=True, db_index=True)
    correlation_id = models.CharField(max_length=36, blank=True)
    site = models.CharField(max_length=255, blank=True)
    registration = models.CharField(max_length=60, blank=True)
    launch = models.CharField(max_length=32, blank=True, db_index=True)
    actor = models.CharField(max_length=600, blank=True)
    patient = models.CharField(max_length=64, blank=True)
    detail = models.JSONField(default=dict)
    previous_hash = models.CharField(max_length=64, blank=True)
    hash = models.CharField(max_length=64)

    class Meta:
        constraints: ClassVar = [models.UniqueConstraint(fields=["chain", "sequence"], name="audit_event_in_chain")]
        default_permissions = ("view",)

    def __str__(self) -> str:
        return f"{self.event} at {self.at:%Y-%m-%d %H:%M:%S}"
