from __future__ import annotations

from typing import ClassVar

from django.db import migrations


class Migration(migrations.Migration):
    dependencies: ClassVar = [("launcher", "0009_check_runs")]

    operations: ClassVar = []
