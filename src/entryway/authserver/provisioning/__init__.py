"""Users, and role collections as groups, for programs that provision: SCIM, in its older and its newer dialect."""
