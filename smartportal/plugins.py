"""The operator's list of plugins: what is not named in SMARTPORTAL_PLUGINS does not run, installed or not."""

from __future__ import annotations

import re
from collections.abc import Iterable


def plugin_apps(names: Iterable[str]) -> list[str]:
    """Turn the names into INSTALLED_APPS entries; a name that is no Python package name is refused with a sentence."""
    apps = [name.strip() for name in names if name.strip()]
    for name in apps:
        if not re.fullmatch(r"[A-Za-z_]\w*(\.[A-Za-z_]\w*)*", name):
            raise ValueError(f"SMARTPORTAL_PLUGINS names “{name}”, which is not a Python package name.")
    return list(dict.fromkeys(apps))
