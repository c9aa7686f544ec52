"""Applications that users log in to."""
