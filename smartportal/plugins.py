"""The operator's list of plugins: what is not named in SMARTPORTAL_PLUGINS does not run, installed or not."""

from __future__ import annotations

import re
from collections.abc import Iterable
from importlib.util import find_spec


def plugin_apps(names: Iterable[str]) -> list[str]:
    """Turn the names into INSTALLED_APPS entries; a name that is no Python package name is refused with a sentence."""
    apps = [name.strip() for name in names if name.strip()]
    for name in apps:
        if not re.fullmatch(r"[A-Za-z_]\w*(\.[A-Za-z_]\w*)*", name):
            raise ValueError(f"SMARTPORTAL_PLUGINS names “{name}”, which is not a Python package name.")
        if not _is_there(name):
            raise ValueError(f"SMARTPORTAL_PLUGINS names “{name}”, which is not installed: install it or take it away.")
    return list(dict.fromkeys(apps))


def _is_there(name: str) -> bool:
    try:
        return find_spec(name) is not None
    except ModuleNotFoundError:  # of a package that it would lie in
        return False
