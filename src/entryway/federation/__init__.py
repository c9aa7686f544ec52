"""Trusting identity providers of others: how they are configured, asked and believed, and whom they name."""
