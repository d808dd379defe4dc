"""The system checks, by what they look at: values, addresses, the server, and what the database holds."""
