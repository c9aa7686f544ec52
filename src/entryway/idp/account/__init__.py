"""What users do for themselves."""
