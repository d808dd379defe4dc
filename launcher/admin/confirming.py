"""Asks before something is done to many rows at once: one page, one button, and the way back."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from django.contrib import admin
from django.contrib.admin.helpers import ACTION_CHECKBOX_NAME
from django.contrib.sites.models import Site
from django.http import HttpRequest
from django.template.response import TemplateResponse

_ANSWER = "answer"


@dataclass(frozen=True, slots=True)
class Question:
    """What is asked, what will happen, and the words of the button.

    `action` is the name of the admin action that is asked for again with the answer, "" for a page of its own.
    `choices` are sites of which one is to be chosen.
    """

    title: str
    sentence: str
    button: str
    action: str = ""
    choices: tuple[Site, ...] = ()


def is_answered(request: HttpRequest) -> bool:
    return request.POST.get(_ANSWER) == "yes"


def ask(request: HttpRequest, question: Question, rows: Iterable[Any]) -> TemplateResponse:
    """The page; its button sends the same rows and the answer to the address that was asked."""
    context = {
        **admin.site.each_context(request),
        "title": question.title,
        "question": question,
        "rows": list(rows),
        "checkbox": ACTION_CHECKBOX_NAME,
        "answer": _ANSWER,
    }
    return TemplateResponse(request, "admin/launcher/confirm.html", context)
