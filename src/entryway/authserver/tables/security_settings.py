"""How a tenant wants its pages to behave in browsers."""

from __future__ import annotations

from sqlalchemy import JSON
from sqlalchemy.orm import Mapped, mapped_column

from entryway.authserver.tables.metadata import AuthServerTable, zid_column


class SecuritySettingsRow(AuthServerTable):
    """A tenant without a row has the defaults: no frames, cookies of its own site, and a page of ours at the end."""

    __tablename__ = "security_settings"
    zid: Mapped[str] = zid_column(primary_key=True)
    # Whose pages may show ours in a frame: `app.example.com`, `*.example.com`.
    iframe_domains: Mapped[list[str]]
    # Whether browsers keep cookies apart for each site that shows ours.
    partitioned_cookies: Mapped[bool] = mapped_column(default=False)
    # Where somebody goes who has logged in without an application; empty: a page of ours.
    home_redirect: Mapped[str] = mapped_column(default="")
    # Where a logout may lead, whoever asks for it: patterns as in `redirect-uris` of a descriptor.
    logout_whitelist: Mapped[list[str]] = mapped_column(JSON, default=list)
    # Whose scripts may read what clients are answered: `https://app.example.com`, `https://*.example.com`.
    cors_origins: Mapped[list[str]] = mapped_column(JSON, default=list)
