"""Drawing: every figure, and how all of them look."""
