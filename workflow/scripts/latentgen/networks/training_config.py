"""How a run is trained."""

from dataclasses import dataclass


@dataclass(frozen=True)
class TrainingConfig:
    """How a run is trained: the experiment's `training` block and the seed of its batches."""

    optimizer: str
    learning_rate: float
    batch_size: int
    max_epochs: int
    target_accuracy: float
    shuffle: bool
    seed: int
    momentum: float = 0.0
    betas: tuple[float, float] = (0.9, 0.999)
    precision: str = "float32"
    compile: bool = False
