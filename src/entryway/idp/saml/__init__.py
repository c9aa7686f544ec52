"""SAML 2.0 towards service providers."""
