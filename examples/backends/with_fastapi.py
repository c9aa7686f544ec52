from typing import Annotated

from fastapi import Depends, FastAPI

from entryway.security.fastapi import User, current_user, require_attribute, require_scope

app = FastAPI()
PRODUCTS = ["Bread", "Milk"]


@app.get("/products", dependencies=[Depends(require_scope("Display"))])
def products() -> list[str]:
    return PRODUCTS


MAY_ADD = [Depends(require_scope("Edit")), Depends(require_attribute("country", "DE"))]


@app.post("/products/{name}", dependencies=MAY_ADD)
def add(name: str) -> list[str]:
    return [*PRODUCTS, name]


@app.get("/me")
def me(user: Annotated[User, Depends(current_user)]) -> str:
    return f"{user.given_name} {user.family_name}"
