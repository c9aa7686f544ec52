"""What services that people log in at share: passwords, and how login names are compared."""
