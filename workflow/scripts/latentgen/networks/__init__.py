"""Networks: building, training, checkpoints and activations."""
