"""Configurations of proxies that ask the router for its decision.

`plan` says what a proxy does, `nginx` and `envoy` write it down, `write` does both.
"""
