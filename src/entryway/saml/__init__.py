"""SAML 2.0 documents: built, signed, parsed and verified, in both directions; nothing here knows a service."""
