"""What the broker and the landscape ask, with the right of the platform: applications, bindings, users, tokens."""
