"""What networks that have memorised wrong labels still know about the right ones."""
