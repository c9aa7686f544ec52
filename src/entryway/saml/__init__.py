"""SAML 2.0 documents, in both directions: built and signed, parsed and verified. Nothing here knows a service.

| module | what |
|---|---|
| `xml` | the one parser: no DTD, no entities, no comments, bounded |
| `signature`, `encryption`, `keys` | XML signatures and encrypted assertions |
| `metadata`, `own_metadata` | what the other side publishes; what we do |
| `requests`, `logout` | AuthnRequest; LogoutRequest and LogoutResponse |
| `response`, `assertion` | read and checked, as a service provider does |
| `issuing` | built and signed, as an identity provider does |
| `bindings` | HTTP-Redirect with its own signature, HTTP-POST |
"""
