"""The protocol between parties: OAuth 2.0 and OpenID Connect as plain functions and frozen values, no I/O.

`errors` what can be wrong, `parameters` forms and queries, `credentials` how a client says who it is, `scopes`,
`pkce`, `redirects` where a browser may be sent, `keys` and `tokens` signed JWTs, `discovery` the metadata document.
"""
