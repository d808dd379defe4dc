"""These tests need the plugin loaded; `tests/patients/test_plugins.py` runs them so, in a process of their own."""

import os

collect_ignore = [] if os.environ.get("SMARTPORTAL_PLUGINS") else ["test_plugin.py"]
