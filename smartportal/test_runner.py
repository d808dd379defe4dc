"""`manage.py test` runs pytest: Django's own runner would skip pytest-style tests without a word."""

from __future__ import annotations

from argparse import ArgumentParser
from collections.abc import Sequence
from typing import Any

import pytest


class PytestRunner:
    """Passes Django's familiar options on to pytest."""

    def __init__(self, **options: Any) -> None:
        self.options = options

    @classmethod
    def add_arguments(cls, parser: ArgumentParser) -> None:
        parser.add_argument("-k", dest="expression", help="run tests whose names match, as in pytest")
        parser.add_argument("--parallel", nargs="?", const="auto", help="run in this many processes")
        parser.add_argument("--keepdb", action="store_true", help="keep the test database between runs")
        parser.add_argument("--create-db", action="store_true", help="make the test database anew")

    def run_tests(self, test_labels: Sequence[str]) -> int:
        """Exit code 0 means that all tests ran and passed."""
        chosen = self.options
        arguments = [*test_labels]
        if chosen.get("failfast"):
            arguments.append("--exitfirst")
        if chosen.get("expression"):
            arguments += ["-k", chosen["expression"]]
        if chosen.get("parallel"):
            # By group: the tests that share one browser stay with one process.
            arguments += ["-n", str(chosen["parallel"]), "--dist", "loadgroup"]
        if chosen.get("keepdb"):
            arguments.append("--reuse-db")
        if chosen.get("create_db"):
            arguments.append("--create-db")
        verbosity = chosen.get("verbosity", 1)
        arguments += ["-q"] if verbosity == 0 else ["-v"] * (verbosity - 1)
        return int(pytest.main(arguments))
