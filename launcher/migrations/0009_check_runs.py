from __future__ import annotations

from typing import ClassVar

import django.db.models.deletion
from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies: ClassVar = [
        ("launcher", "0008_launch_traces"),
        ("sites", "0002_alter_domain_unique"),
    ]

    operations: ClassVar = [
        migrations.CreateModel(
            name="CheckRun",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("at", models.DateTimeField()),
                ("kind", models.CharField(choices=[("whole", "All checks"), ("daily", "Daily checks")], max_length=5)),
                ("actor", models.CharField(max_length=600)),
                ("finished", models.BooleanField()),
                ("failing", models.BooleanField(default=False)),
                ("fails", models.PositiveSmallIntegerField(default=0)),
                ("warns", models.PositiveSmallIntegerField(default=0)),
                ("passes", models.PositiveSmallIntegerField(default=0)),
                ("results", models.JSONField(default=list)),
                ("standing", models.JSONField(default=list)),
                ("problem", models.CharField(blank=True, max_length=500)),
                ("top_problem", models.CharField(blank=True, max_length=500)),
                (
                    "registration",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="check_runs",
                        to="launcher.ehrregistration",
                    ),
                ),
            ],
            options={"default_permissions": ("view",)},
        ),
        migrations.AddIndex(
            model_name="checkrun",
            index=models.Index(fields=["registration", "-at"], name="check_run_by_registration"),
        ),
        migrations.AddIndex(
            model_name="launch",
            index=models.Index(fields=["site", "-created_at"], name="launch_by_site"),
        ),
        migrations.AddIndex(
            model_name="launch",
            index=models.Index(fields=["reference"], name="launch_by_reference"),
        ),
        migrations.AddIndex(
            model_name="auditevent",
            index=models.Index(fields=["registration", "-at"], name="audit_event_by_ehr"),
        ),
    ]
