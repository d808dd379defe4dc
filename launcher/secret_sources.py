"""Client secrets that live outside the database: `env:NAME` or `file:/path`."""

from __future__ import annotations

import os
from pathlib import Path

from launcher.smart.errors import SmartError
from launcher.smart.secret import Secret


def read_secret_source(source: str) -> Secret:
    """Read the secret that `source` points to. Raises SmartError("unavailable") naming the variable or file."""
    kind, _, where = source.partition(":")
    if kind == "env" and where:
        value = os.environ.get(where, "")
        if not value:
            raise SmartError("unavailable", f"the environment variable {where} is not set", reason="secret_source")
        return Secret(value)
    if kind == "file" and where:
        try:
            return Secret(Path(where).read_text(encoding="utf-8").strip())
        except OSError as error:
            raise SmartError("unavailable", f"the file {where} cannot be read", reason="secret_source") from error
    raise SmartError("unavailable", "secret_from is neither env:NAME nor file:/path", reason="secret_source")


def is_secret_source(source: str) -> bool:
    kind, _, where = source.partition(":")
    return kind in {"env", "file"} and bool(where)
