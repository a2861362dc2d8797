"""What training minimises, a file each: a class of the file's name is an entry.

It is made with the training's observed labels, the number of classes, and the arguments that
config.yaml gives; called with logits, labels and the rows of the batch, it returns the mean loss.
Labels are numbers of classes, or fractions of classes where images were mixed. What it learns while
it trains is in its buffers, from which a killed run goes on.
"""
