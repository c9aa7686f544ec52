"""The pages of administrators: plain, and usable with a keyboard alone."""
