"""The forms of the registrations' admin: the registration itself, credentials of several, and a secret replaced."""

from __future__ import annotations

from launcher.forms.registration import EhrRegistrationForm, EhrRegistrationFormWithoutSecrets

__all__ = ["EhrRegistrationForm", "EhrRegistrationFormWithoutSecrets"]
