"""The authorization server: OAuth 2.0 and OpenID Connect, compatible with what applications expect of XSUAA.

`build` makes it from settings. `tokens` is the token endpoint and `grants/` its variants; `authorize`, `login` and
`logout` are what browsers meet, with `next_step` deciding where a login goes; `admin/` is for the platform alone.
"""
