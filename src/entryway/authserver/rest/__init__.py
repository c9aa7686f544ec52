"""The interfaces of administrators below `/sap/rest/`: applications, roles, role collections, trust, settings."""
