"""All addresses; the last one gives everything else the page of `not_found`, with DEBUG on as well."""

from django.conf import settings
from django.contrib import admin
from django.urls import include, path, re_path
from django.views.generic import RedirectView

from launcher.views import not_found

urlpatterns = [
    path("admin", RedirectView.as_view(url="/admin/", query_string=True)),
    *([path("admin/oidc/", include("launcher.staff.urls"))] if settings.SMARTPORTAL_ADMIN_OIDC_ISSUER else []),
    path("admin/", admin.site.urls),
    *([path("sandbox", RedirectView.as_view(url="/sandbox/"))] if settings.SMARTPORTAL_SANDBOX else []),
    *([path("sandbox/", include("sandbox.urls"))] if settings.SMARTPORTAL_SANDBOX else []),
    # Where pages say no icon of their own, as in the admin, browsers ask here.
    path("favicon.ico", RedirectView.as_view(url=f"{settings.STATIC_URL}smartportal/icon.svg")),
    path("", include("patients.urls")),
    path("", include("launcher.urls")),
    re_path(r"", not_found),
]
