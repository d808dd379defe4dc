"""The ASGI application; it does not start with an unsafe configuration."""

import os

from django.core.asgi import get_asgi_application

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "smartportal.settings")
application = get_asgi_application()

from launcher.checks import refuse_unsafe_start  # noqa: E402  # needs the apps, which are loaded above

refuse_unsafe_start()
