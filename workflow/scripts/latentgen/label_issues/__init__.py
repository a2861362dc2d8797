"""Which training labels are wrong: what the layers of a network say about each label."""
