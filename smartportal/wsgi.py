"""The WSGI application; it does not start with an unsafe configuration."""

import os

from django.core.wsgi import get_wsgi_application

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "smartportal.settings")
application = get_wsgi_application()

from launcher.checks import refuse_unsafe_start  # noqa: E402  # needs the apps, which are loaded above

refuse_unsafe_start()
