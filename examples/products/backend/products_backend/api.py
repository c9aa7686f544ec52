"""The interface: validated input in, one answer or one problem document out."""

from __future__ import annotations

import logging
from collections.abc import Callable
from contextlib import AbstractAsyncContextManager
from decimal import Decimal
from typing import Annotated

from entryway.security import SecurityContext
from entryway.security.fastapi import User, current_user, require_scope
from fastapi import Depends, FastAPI, Header, Path, Request
from fastapi.responses import JSONResponse
from pydantic import BaseModel, ConfigDict, Field

from products_backend.errors import PriceChangeFailed, problem
from products_backend.price_change import PriceChanges

Lifespan = Callable[[FastAPI], AbstractAsyncContextManager[None]]

log = logging.getLogger("products_backend")


class Me(BaseModel):
    """Who this backend believes is calling."""

    id: str | None
    name: str | None
    given_name: str | None
    family_name: str | None
    email: str | None
    scopes: list[str]


class NewPrice(BaseModel):
    model_config = ConfigDict(extra="forbid")

    price: Annotated[Decimal, Field(gt=0, le=Decimal("999999.99"), decimal_places=2)]


class Priced(BaseModel):
    product_id: str
    price: Decimal
    currency: str
    changed_by: str


def build(lifespan: Lifespan) -> FastAPI:
    """Return the application; its lifespan must leave `PriceChanges` in `app.state.price_changes`."""
    app = FastAPI(title="Products", lifespan=lifespan, docs_url=None, redoc_url=None, openapi_url=None)
    app.add_exception_handler(PriceChangeFailed, _answer_failure)

    @app.get("/api/me")
    async def me(user: Annotated[User, Depends(current_user)]) -> Me:
        return Me(
            id=user.id,
            name=user.logon_name,
            given_name=user.given_name,
            family_name=user.family_name,
            email=user.email,
            scopes=sorted(user.scopes),
        )

    @app.patch("/api/products/{product_id}/price")
    async def change_price(
        product_id: Annotated[str, Path(pattern="^[A-Za-z0-9-]{1,10}$")],
        new: NewPrice,
        version: Annotated[str, Header(alias="If-Match", max_length=200, pattern=r'^(W/)?"[!#-~]*"$')],
        caller: Annotated[SecurityContext, Depends(require_scope("Edit"))],
        request: Request,
    ) -> Priced:
        changes: PriceChanges = request.app.state.price_changes
        changed = await changes.change(caller.get_app_token(), product_id, new.price, version)
        log.info("price_changed product_id=%s user=%r", product_id, caller.get_logon_name())
        return Priced(
            product_id=changed.product_id,
            price=changed.price,
            currency=changed.currency,
            changed_by=changed.changed_by,
        )

    return app


async def _answer_failure(_: Request, error: Exception) -> JSONResponse:
    assert isinstance(error, PriceChangeFailed)  # noqa: S101 -- registered for this class alone
    log.warning("price_change_failed status=%s %s", error.status, error)
    return JSONResponse(problem(error), error.status, media_type="application/problem+json")
