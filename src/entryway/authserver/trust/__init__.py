"""Trust: the identity providers that a tenant's users log in at, by SAML 2.0 or OpenID Connect."""
