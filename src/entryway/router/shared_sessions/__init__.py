"""Sessions that several routers share in Redis or Valkey.

What is stored: `keys` and `codec` say it and under which names, `scripts` what happens there in one step, and `copies`
how what this process knows of a session meets what the store knows.

Speaking to the store: `link` does it, `changes` follows what other processes do, and `reach` is both for one process.

Keeping sessions: `held` has the copies of this process, `records` asks and tells the store about one, `certainty` asks
again where others may have changed it, `prolonging` and `expiry` see to its life, `leases` to the renewal of its token,
and `store` is the `SessionStore` made of them.
"""
