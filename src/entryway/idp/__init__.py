"""The identity provider: people, their passwords and second factors, and logins for other services."""
