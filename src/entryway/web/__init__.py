"""What services that people and programs reach over HTTP share: their edge, cookies, redirects and languages."""
