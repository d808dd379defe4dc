from __future__ import annotations

from typing import ClassVar

import django.db.models.deletion
from django.db import migrations, models

import launcher.models.launches


class Migration(migrations.Migration):
    dependencies: ClassVar = [
        ("launcher", "0007_roles"),
        ("sites", "0002_alter_domain_unique"),
    ]

    operations: ClassVar = [
        migrations.CreateModel(
            name="LaunchTrace",
            fields=[
                (
                    "id",
                    models.CharField(
                        default=launcher.models.launches.new_id,
                        editable=False,
                        max_length=32,
                        primary_key=True,
                        serialize=False,
                    ),
                ),
                ("registration_slug", models.CharField(blank=True, max_length=60, verbose_name="EHR")),
                ("started_at", models.DateTimeField(verbose_name="when")),
                ("ended_at", models.DateTimeField(null=True)),
                (
                    "outcome",
                    models.CharField(
                        choices=[("under-way", "Under way"), ("opened", "Opened"), ("failed", "Failed")],
                        default="under-way",
                        max_length=10,
                    ),
                ),
                (
                    "stage",
                    models.CharField(
                        choices=[
                            ("received", "Received"),
                            ("redirected", "Redirected"),
                            ("returned", "Returned"),
                            ("token", "Token"),
                            ("patient", "Patient"),
                            ("chart", "Chart"),
                        ],
                        default="received",
                        max_length=10,
                        verbose_name="stage reached",
                    ),
                ),
                ("code", models.CharField(blank=True, max_length=40)),
                ("reference", models.CharField(blank=True, db_index=True, max_length=6)),
                ("milliseconds", models.PositiveIntegerField(default=0, verbose_name="ms")),
                ("mode", models.CharField(blank=True, max_length=10)),
                ("framed", models.BooleanField(default=False)),
                ("browser", models.CharField(blank=True, max_length=10)),
                ("person", models.CharField(blank=True, max_length=16)),
                ("patient", models.CharField(blank=True, max_length=16)),
                ("launch", models.CharField(blank=True, db_index=True, max_length=32)),
                ("correlation_ids", models.JSONField(default=list)),
                ("steps", models.JSONField(default=list)),
                (
                    "registration",
                    models.ForeignKey(
                        db_index=False,
                        null=True,
                        on_delete=django.db.models.deletion.SET_NULL,
                        related_name="traces",
                        to="launcher.ehrregistration",
                    ),
                ),
                (
                    "site",
                    models.ForeignKey(
                        db_index=False,
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="+",
                        to="sites.site",
                    ),
                ),
            ],
            options={
                "verbose_name": "launch trace",
                "verbose_name_plural": "launch history",
                "permissions": [("export_launchtrace", "Can export a launch trace for an EHR's help desk")],
                "default_permissions": ("view",),
            },
        ),
        migrations.CreateModel(
            name="TraceReference",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("reference", models.CharField(db_index=True, max_length=6)),
                (
                    "trace",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="references",
                        to="launcher.launchtrace",
                    ),
                ),
            ],
            options={
                "default_permissions": (),
            },
        ),
        migrations.AddField(
            model_name="pendinglaunch",
            name="trace",
            field=models.ForeignKey(
                db_constraint=False,
                editable=False,
                null=True,
                on_delete=django.db.models.deletion.SET_NULL,
                related_name="+",
                to="launcher.launchtrace",
            ),
        ),
        migrations.AddIndex(
            model_name="launchtrace",
            index=models.Index(fields=["site", "-started_at"], name="trace_by_site"),
        ),
        migrations.AddIndex(
            model_name="launchtrace",
            index=models.Index(fields=["registration", "-started_at"], name="trace_by_registration"),
        ),
        migrations.AddIndex(
            model_name="launchtrace",
            index=models.Index(fields=["started_at"], name="trace_by_age"),
        ),
        migrations.AlterModelOptions(
            name="auditevent",
            options={
                "default_permissions": ("view",),
                "permissions": [("export_auditevent", "Can export the audit trail")],
            },
        ),
        migrations.AddIndex(
            model_name="auditevent",
            index=models.Index(fields=["site", "-at"], name="audit_event_by_site"),
        ),
        migrations.AddIndex(
            model_name="auditevent",
            index=models.Index(
                fields=["patient", "-at"],
                name="audit_event_by_patient",
                condition=models.Q(("patient__gt", "")),
            ),
        ),
    ]
