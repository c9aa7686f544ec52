"""What users have besides a password: authenticator apps, recovery codes, passkeys."""
