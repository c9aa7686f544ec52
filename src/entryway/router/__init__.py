"""The application router: routes, login, sessions, scopes and CSRF in front of an application's backends.

How a request goes: `router.Router.handle`. What each step decides: `routes`, `access`, `csrf`, `forward`. How a
backend is asked: `exchange.Exchange`. Where the parts are put together: `build`; where a process begins: `run`.
"""
