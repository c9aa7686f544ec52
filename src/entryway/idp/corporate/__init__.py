"""Identity providers of companies: users who log in there instead of here."""
