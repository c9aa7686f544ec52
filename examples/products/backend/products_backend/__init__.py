"""The application's own API: who am I, and a new price for a product, written on premise as the user who asks.

`api` is the interface, `price_change` the story of one change, `tokens`, `destination` and `catalogue` the systems it
speaks to, `bindings` what the platform says about them.
"""
