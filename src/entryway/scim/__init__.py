"""SCIM 2.0 (RFC 7643, RFC 7644): schemas, filters, patches and answers, without any store."""
