"""How the staff sign in: at the hospital's own OpenID provider, and what the audit says of every sign-in."""
