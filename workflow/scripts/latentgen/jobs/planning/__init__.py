"""Before jobs: what they depend on, and what they need."""
