"""Which training labels are wrong: scores of each label from the layers of a network."""
