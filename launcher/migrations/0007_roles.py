from __future__ import annotations

from typing import ClassVar

from django.db import migrations


class Migration(migrations.Migration):
    dependencies: ClassVar = [("launcher", "0006_running_many_ehrs")]

    operations: ClassVar = []
