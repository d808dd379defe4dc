"""Keeps the pages that are written in English alone in English, whatever the browser asks for.

Django's own words in the admin have been translated, ours there have not: a page in two languages at once is worse than
a page in one. The same goes for the sandbox's pages.
"""

from __future__ import annotations

from collections.abc import Callable

from django.http import HttpRequest, HttpResponseBase
from django.utils import translation

ENGLISH_APPS = frozenset({"admin", "sandbox"})
"""The names (`app_name`) of the URL configurations whose pages are English."""

View = Callable[..., HttpResponseBase]


class EnglishPages:
    """Sets the language once it is known which view answers; stands below LocaleMiddleware, which chose another."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponseBase]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        return self.get_response(request)

    def process_view(self, request: HttpRequest, view: View, args: object, kwargs: object) -> None:
        match = request.resolver_match
        if match and ENGLISH_APPS & set(match.app_names):
            translation.activate("en")
            request.LANGUAGE_CODE = translation.get_language()
