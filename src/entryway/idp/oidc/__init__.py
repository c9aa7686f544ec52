"""OpenID Connect and OAuth 2.0 towards applications."""
