"""Sessions that several routers share in Redis or Valkey.

`keys` and `codec` say what is stored and under which names, `scripts` what happens there in one step, `copies` how what
this process knows of a session meets what the store knows, `link` speaks to the store, `changes` follows what other
processes do, and `store` is the `SessionStore` made of them.
"""
