"""The administrators' interfaces of UAA that its clients know, on what the tenant has: one file for each resource."""
