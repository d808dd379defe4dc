"""Print a fresh key for SMARTPORTAL_FIELD_KEYS."""

from __future__ import annotations

import base64
import os
from typing import Any, ClassVar

from django.core.management.base import BaseCommand


class Command(BaseCommand):
    help = "Print a new key for SMARTPORTAL_FIELD_KEYS: 32 random bytes in URL-safe base64. Nothing is stored."
    requires_system_checks: ClassVar = []

    def handle(self, *args: Any, **options: Any) -> None:
        self.stdout.write(base64.urlsafe_b64encode(os.urandom(32)).decode())
