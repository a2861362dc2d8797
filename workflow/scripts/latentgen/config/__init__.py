"""What config.yaml may hold, and messages about errors in it."""
