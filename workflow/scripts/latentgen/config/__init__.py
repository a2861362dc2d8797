"""What config.yaml may hold, and what is said of mistakes in it."""
