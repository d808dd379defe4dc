"""JSON in which a decimal keeps its zeros: FHIR numbers say how precise they are (FHIR R4, section 2.24.0.1)."""

from __future__ import annotations

import json
import re
from decimal import Decimal

_MARK = "\ue000decimal:"
"""Begins with a private character, which no text of ours holds."""
_MARKED = re.compile(f'"{json.dumps(_MARK)[1:-1]}([-0-9.]+)"'.replace("\\", "\\\\"))


def _marked(value: object) -> str:
    if isinstance(value, Decimal):
        return f"{_MARK}{value:f}"
    raise TypeError(f"{type(value).__name__} has no form in JSON")


def dumps(value: object) -> str:
    """The value as JSON text; Decimals as they were written ("1.10"). Raises TypeError for what JSON does not know."""
    return _MARKED.sub(r"\1", json.dumps(value, default=_marked))
