"""The staff's sessions (SESSION_ENGINE): they end with the browser and, whatever is done in them, at a fixed time.

Django knows either of the two: with its own store each write to a session would begin the hours anew.
"""

from __future__ import annotations

from django.contrib.sessions.backends.db import SessionStore as DatabaseSessions


class SessionStore(DatabaseSessions):
    """A session in the database; `launcher.staff.events` sets the fixed time at the sign-in."""

    def get_expire_at_browser_close(self) -> bool:
        """Always: the cookie says nothing of the fixed time, the database does."""
        return True
