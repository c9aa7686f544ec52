"""The end of logins, told to everybody who took part."""
