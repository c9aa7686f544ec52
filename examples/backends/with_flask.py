from flask import Flask, jsonify

from entryway.security.flask import current_context, require_attribute, require_scope, require_token

app = Flask(__name__)
PRODUCTS = ["Bread", "Milk"]


@app.get("/products")
@require_scope("Display")
def products():
    return jsonify(PRODUCTS)


@app.post("/products/<name>")
@require_scope("Edit")
@require_attribute("country", "DE")
def add(name):
    return jsonify([*PRODUCTS, name])


@app.get("/me")
@require_token
def me():
    user = current_context()
    return jsonify(f"{user.get_given_name()} {user.get_family_name()}")
