"""What programs use that extend the router; everything else in this package may change at any time.

`run` serves a folder natively, with hooks; `entryway.router.asgi.create_app` makes an ASGI application of it; `build`
gives the parts to whoever brings an event loop and a server.
"""

from entryway.errors import EntrywayError, Forbidden, NotFound, Unauthorized
from entryway.http import Headers, OutgoingRequest, Request, Response
from entryway.router.application import Application
from entryway.router.asgi import RouterApplication, create_app
from entryway.router.build import build
from entryway.router.configuration import RouterConfiguration, read_configuration
from entryway.router.hooks import HookFailed, Hooks, Visit
from entryway.router.router import Router
from entryway.router.run import run
from entryway.router.sessions import Login

__all__ = [
    "Application",
    "EntrywayError",
    "Forbidden",
    "Headers",
    "HookFailed",
    "Hooks",
    "Login",
    "NotFound",
    "OutgoingRequest",
    "Request",
    "Response",
    "Router",
    "RouterApplication",
    "RouterConfiguration",
    "Unauthorized",
    "Visit",
    "build",
    "create_app",
    "read_configuration",
    "run",
]
