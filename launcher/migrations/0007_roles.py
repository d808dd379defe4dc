from __future__ import annotations

from typing import Any, ClassVar

from django.db import migrations, models

ROLES = ("Integrator", "Site manager", "Support", "Auditor")


def remove_unused_groups(apps: Any, schema_editor: Any) -> None:
    """Those that somebody is in stay: whoever is in them keeps what they may do."""
    groups = apps.get_model("auth", "Group").objects.using(schema_editor.connection.alias)
    groups.filter(name__in=ROLES, user=None).delete()


class Migration(migrations.Migration):
    """Remembers what roles were given. The groups themselves are made right after the migrations: `launcher/roles.py`."""

    dependencies: ClassVar = [
        ("launcher", "0006_running_many_ehrs"),
        ("auth", "0012_alter_user_first_name_max_length"),
    ]

    operations: ClassVar = [
        migrations.CreateModel(
            name="RoleGrant",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("role", models.CharField(max_length=150)),
                ("permission", models.CharField(max_length=200)),
            ],
            options={
                "default_permissions": (),
                "constraints": [models.UniqueConstraint(fields=("role", "permission"), name="role_grant_once")],
            },
        ),
        migrations.RunPython(migrations.RunPython.noop, remove_unused_groups),
    ]
