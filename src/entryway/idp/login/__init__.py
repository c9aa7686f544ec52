"""A login, step by step."""
