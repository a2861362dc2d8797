"""What the files of a proof are called: all that its writer and its checker share."""

MASKS = {"distinct": ("mask_a.png", "mask_b.png"), "single": ("mask.png",)}
"""Files of a proof of either kind that say where each of its sets is redacted."""
