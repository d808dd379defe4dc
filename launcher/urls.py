"""The launcher's addresses. Each answers with and without a trailing slash: a redirect could lose a query or a body."""

from __future__ import annotations

from django.urls import URLPattern, path

from launcher import jwks, style_views, views
from launcher.methods import View

app_name = "launcher"


def both(route: str, view: View, name: str) -> list[URLPattern]:
    return [path(route, view, name=name), path(f"{route}/", view)]


urlpatterns = [
    path("", views.home, name="home"),
    *both("launch", views.launch, "launch"),
    *both("launch.html", views.launch, "launch-html"),
    *both("launch/<slug:slug>", views.launch, "launch-at"),
    *both(".well-known/jwks.json", jwks.key_set, "jwks"),
    *both("style/<str:sha256>.css", style_views.style, "style"),
    *both("standalone/<slug:slug>", views.standalone, "standalone"),
    *both("callback", views.callback, "callback"),
    *both("callback/<slug:slug>", views.callback, "callback-at"),
]
