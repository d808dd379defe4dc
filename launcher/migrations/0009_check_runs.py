from __future__ import annotations

from typing import ClassVar

from django.db import migrations


class Migration(migrations.Migration):
    dependencies: ClassVar = [("launcher", "0008_launch_traces")]

    operations: ClassVar = []
