"""The addresses of the staff's sign-in at the provider; there are none while it is switched off."""

from __future__ import annotations

from django.urls import path

from launcher.staff.views import CallbackView, SignInView

app_name = "staff"

urlpatterns = [
    path("login", SignInView.as_view(), name="sign-in"),
    path("login/", SignInView.as_view()),
    path("callback", CallbackView.as_view(), name="callback"),
    path("callback/", CallbackView.as_view()),
]
