"""Users and groups as other systems provision them: SCIM 2.0."""
