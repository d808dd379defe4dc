"""Which HTTP methods an address takes."""

from __future__ import annotations

import functools
from collections.abc import Callable

from django.http import HttpRequest, HttpResponse, HttpResponseBase

from launcher.smart.errors import SmartError

View = Callable[..., HttpResponseBase]


def only(*methods: str) -> Callable[[View], View]:
    """Refuse every other method with the contract's page, before anything else is looked at; and browsers' guesses.

    A prefetch would spend a launch handle or a code that the provider never asked to use: it gets a bare 403.

    Django's own `require_http_methods` would answer an empty 405.
    """

    def decorate(view: View) -> View:
        @functools.wraps(view)
        def checked(request: HttpRequest, *args: object, **kwargs: object) -> HttpResponseBase:
            if request.method not in methods:
                allowed = ", ".join(methods)
                raise SmartError(
                    "method_not_allowed",
                    f"only {allowed} is answered here",
                    reason="method",
                    context={"allow": allowed},
                )
            if request.headers.get("Sec-Purpose", "").split(";")[0] == "prefetch":
                return HttpResponse(status=403)
            return view(request, *args, **kwargs)

        if "POST" not in methods:
            # Nothing here changes anything, so Django's check would only answer other methods before we do.
            checked.csrf_exempt = True  # type: ignore[attr-defined]
        return checked

    return decorate
