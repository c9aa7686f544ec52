"""Users of the identity provider: who they are, their passwords, and the groups they are in."""
