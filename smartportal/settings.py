"""The settings: read from the environment (`docs/contract.md`, section 6), with no logic beyond reading.

Every variable may also be given as NAME_FILE, the path of a file that holds it.
"""

from datetime import timedelta
from pathlib import Path
from urllib.parse import urlsplit

from smartportal.environment import Environment
from smartportal.plugins import plugin_apps

BASE_DIR = Path(__file__).resolve().parent.parent
env = Environment()

# --- Essentials -----------------------------------------------------------------------------------------------------
DEBUG = env.bool("DEBUG", default=False)
SECRET_KEY = env.str("SECRET_KEY", default="")
SECRET_KEY_FALLBACKS = env.list("SECRET_KEY_FALLBACKS", default=[])
ALLOWED_HOSTS = env.names("ALLOWED_HOSTS")
ROOT_URLCONF = "smartportal.urls"
WSGI_APPLICATION = "smartportal.wsgi.application"
SITE_ID = 1
APPEND_SLASH = False

# --- smartportal ----------------------------------------------------------------------------------------------------
PORT = env.int("PORT", default=8000)
SMARTPORTAL_BASE_URL = env.str("SMARTPORTAL_BASE_URL", default=f"http://127.0.0.1:{PORT}").rstrip("/")
SMARTPORTAL_FIELD_KEYS = env.list("SMARTPORTAL_FIELD_KEYS", default=[])
SMARTPORTAL_SANDBOX = env.bool("SMARTPORTAL_SANDBOX", default=False)
SMARTPORTAL_PLUGINS = env.list("SMARTPORTAL_PLUGINS", default=[])
SMARTPORTAL_ALLOWED_NETWORKS = env.list("SMARTPORTAL_ALLOWED_NETWORKS", default=[])
SMARTPORTAL_TRUSTED_PROXIES = env.list("SMARTPORTAL_TRUSTED_PROXIES", default=[])
SMARTPORTAL_METRICS_NETWORKS = env.list("SMARTPORTAL_METRICS_NETWORKS", default=[])
SMARTPORTAL_IDLE_MINUTES = env.int("SMARTPORTAL_IDLE_MINUTES", default=15)
SMARTPORTAL_ABSOLUTE_HOURS = env.int("SMARTPORTAL_ABSOLUTE_HOURS", default=12)
SMARTPORTAL_STALE_MINUTES = env.int("SMARTPORTAL_STALE_MINUTES", default=15)
SMARTPORTAL_TRACE_DAYS = env.int("SMARTPORTAL_TRACE_DAYS", default=90)
SMARTPORTAL_CA_BUNDLE = env.str("SMARTPORTAL_CA_BUNDLE", default="")
LAUNCH_DESTINATION = "patients:chart"

# --- Sign-in of the staff at the hospital's own provider (docs/staff-sign-in.md) --------------------------------------
SMARTPORTAL_ADMIN_OIDC_ISSUER = env.str("SMARTPORTAL_ADMIN_OIDC_ISSUER", default="").strip()
SMARTPORTAL_ADMIN_OIDC_CLIENT_ID = env.str("SMARTPORTAL_ADMIN_OIDC_CLIENT_ID", default="").strip()
SMARTPORTAL_ADMIN_OIDC_CLIENT_SECRET = env.str("SMARTPORTAL_ADMIN_OIDC_CLIENT_SECRET", default="").strip()
SMARTPORTAL_ADMIN_OIDC_SCOPES = env.str("SMARTPORTAL_ADMIN_OIDC_SCOPES", default="openid profile email")
SMARTPORTAL_ADMIN_OIDC_GROUPS_CLAIM = env.str("SMARTPORTAL_ADMIN_OIDC_GROUPS_CLAIM", default="groups").strip()
SMARTPORTAL_ADMIN_OIDC_ROLES = env.str("SMARTPORTAL_ADMIN_OIDC_ROLES", default="")
SMARTPORTAL_ADMIN_OIDC_SITES = env.str("SMARTPORTAL_ADMIN_OIDC_SITES", default="")

# --- Apps and requests ----------------------------------------------------------------------------------------------
INSTALLED_APPS = [
    "launcher",
    "patients",
    *(["sandbox"] if SMARTPORTAL_SANDBOX else []),
    *plugin_apps(SMARTPORTAL_PLUGINS),
    "launcher.apps.StaffAdminConfig",
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.messages",
    "django.contrib.sites",
    "django.contrib.staticfiles",
    "axes",
]
MIDDLEWARE = [
    "launcher.middleware.health",
    "launcher.middleware.proxy_headers",
    "launcher.middleware.security_headers",
    "django.middleware.security.SecurityMiddleware",
    "whitenoise.middleware.WhiteNoiseMiddleware",
    "launcher.middleware.known_host",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.locale.LocaleMiddleware",
    "smartportal.language.EnglishPages",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "launcher.middleware.ErrorPages",
    "axes.middleware.AxesMiddleware",
]
TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "DIRS": [BASE_DIR / "templates"],
        "APP_DIRS": True,
        "OPTIONS": {
            "context_processors": [
                "django.template.context_processors.request",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
            ],
        },
    },
]

# --- State ----------------------------------------------------------------------------------------------------------
DATABASES = {"default": env.database("DATABASE_URL", default=f"sqlite:///{BASE_DIR / '.data' / 'smartportal.sqlite3'}")}
if DATABASES["default"]["ENGINE"] == "django.db.backends.sqlite3":
    # With the defaults, concurrent writers fail as "locked"; so they wait for each other (docs/decisions/0003).
    DATABASES["default"]["OPTIONS"] = {
        "transaction_mode": "IMMEDIATE",
        "timeout": 20,
        "init_command": "PRAGMA journal_mode=WAL; PRAGMA synchronous=NORMAL;",
    }
else:
    DATABASES["default"]["CONN_MAX_AGE"] = 0
    DATABASES["default"]["OPTIONS"] = {"pool": {"min_size": 1, "max_size": 16, "timeout": 3}, "connect_timeout": 3}
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"
CACHES = {"default": env.caching("CACHE_URL", default="locmemcache://")}
if "redis" in CACHES["default"]["BACKEND"].lower():
    CACHES["default"]["BACKEND"] = "smartportal.cache.ForgivingRedisCache"
    CACHES["default"]["OPTIONS"] = {"socket_timeout": 0.2, "socket_connect_timeout": 0.2}

# --- People ---------------------------------------------------------------------------------------------------------
AUTHENTICATION_BACKENDS = [
    "launcher.lockout.PasswordLockout",
    "django.contrib.auth.backends.ModelBackend",
    "launcher.backends.SmartBackend",
    *(["launcher.staff.backend.StaffBackend"] if SMARTPORTAL_ADMIN_OIDC_ISSUER else []),
]
PASSWORD_HASHERS = [
    "django.contrib.auth.hashers.Argon2PasswordHasher",
    "django.contrib.auth.hashers.PBKDF2PasswordHasher",
]
AUTH_PASSWORD_VALIDATORS = [
    {"NAME": f"django.contrib.auth.password_validation.{name}"}
    for name in ("UserAttributeSimilarityValidator", "MinimumLengthValidator", "CommonPasswordValidator")
]
# Guessed passwords (docs/decisions/0010-django-axes.md).
AXES_HANDLER = "launcher.lockout.CountedFailures"
AXES_LOCKOUT_PARAMETERS = [["username", "ip_address"], "ip_address", "username"]
AXES_FAILURE_LIMIT = 10
AXES_COOLOFF_TIME = timedelta(minutes=15)
AXES_RESET_COOL_OFF_ON_FAILURE_DURING_LOCKOUT = False
AXES_CLIENT_IP_CALLABLE = "launcher.lockout.address_of"
AXES_USERNAME_CALLABLE = "launcher.lockout.account_of"
AXES_LOCKOUT_CALLABLE = "launcher.lockout.locked_page"
AXES_SENSITIVE_PARAMETERS = ["username", "ip_address", "csrfmiddlewaretoken", "next"]
AXES_DISABLE_ACCESS_LOG = True
AXES_ENABLE_ADMIN = AXES_VERBOSE = False
# Sessions are the staff's alone, charts have none: they end with the browser, and eight hours after the sign-in.
SESSION_COOKIE_AGE = 8 * 3600
SESSION_EXPIRE_AT_BROWSER_CLOSE = True
SESSION_ENGINE = "launcher.staff.sessions"

# --- Transport and cookies of the admin -----------------------------------------------------------------------------
_HTTPS = urlsplit(SMARTPORTAL_BASE_URL).scheme == "https"
SESSION_COOKIE_SECURE = CSRF_COOKIE_SECURE = _HTTPS
SESSION_COOKIE_HTTPONLY = CSRF_COOKIE_HTTPONLY = True
SESSION_COOKIE_SAMESITE = CSRF_COOKIE_SAMESITE = "Lax"
SECURE_HSTS_SECONDS = 63_072_000 if _HTTPS else 0
SECURE_HSTS_INCLUDE_SUBDOMAINS = SECURE_HSTS_PRELOAD = _HTTPS
SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https") if SMARTPORTAL_TRUSTED_PROXIES else None
SECURE_REFERRER_POLICY = "same-origin"
CSRF_FAILURE_VIEW = "launcher.error_pages.csrf_failure"
# The default site, and the others, which are always https; a pattern such as ".example.org" names no host to trust.
CSRF_TRUSTED_ORIGINS = [SMARTPORTAL_BASE_URL, *(f"https://{host}" for host in ALLOWED_HOSTS if host[0] not in ".*")]
# Headers against framing are written by launcher.middleware, for each page its own; the proxy leads http to https.
SILENCED_SYSTEM_CHECKS = ["security.W002", "security.W008"]
DATA_UPLOAD_MAX_MEMORY_SIZE = 1_000_000
DATA_UPLOAD_MAX_NUMBER_FIELDS = 1_000

# --- Language, time, files, log -------------------------------------------------------------------------------------
LANGUAGE_CODE = "en"
LANGUAGES = [("en", "English"), ("es", "Español")]
LOCALE_PATHS = [BASE_DIR / "locale"]
USE_I18N = True
USE_TZ = True
TIME_ZONE = "UTC"
STATIC_URL = "/static/"
STATICFILES_DIRS = [BASE_DIR / "static"]
STORAGES = {
    "default": {"BACKEND": "django.core.files.storage.FileSystemStorage"},
    "staticfiles": {"BACKEND": "django.contrib.staticfiles.storage.StaticFilesStorage"},
}
# Served straight from the apps: no collectstatic step that could be forgotten.
WHITENOISE_USE_FINDERS = True
LOGGING = {
    "version": 1,
    "disable_existing_loggers": False,
    "formatters": {"line": {"format": "%(asctime)s %(levelname)s %(name)s %(message)s"}},
    "handlers": {
        "console": {"class": "logging.StreamHandler", "formatter": "line"},
        "nowhere": {"class": "logging.NullHandler"},
    },
    "loggers": {
        "smartportal": {"handlers": ["console"], "level": "INFO", "propagate": True},
        "django": {"handlers": ["console"], "level": "INFO", "propagate": False},
        # The audit says the same, and with fewer words.
        "axes": {"handlers": ["console"], "level": "ERROR", "propagate": False},
        # The development server would log addresses with codes and launch handles in them.
        "django.server": {"handlers": ["nowhere"], "propagate": False},
    },
}
TEST_RUNNER = "smartportal.test_runner.PytestRunner"
