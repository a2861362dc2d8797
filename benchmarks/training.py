"""Training one epoch of batches of 32: a loop over a DataLoader, and ours."""

import copy
from collections.abc import Callable, Mapping
from concurrent.futures import ProcessPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, replace
from functools import partial
from multiprocessing import get_context
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional
from torch.utils.data import DataLoader, Dataset

from benchmarks.timing import (
    ACCELERATOR,
    Benchmark,
    Comparison,
    Prepared,
    Sizes,
    device_of,
    require,
)
from latentgen.networks import training
from latentgen.networks.network import Shape, build
from latentgen.networks.precision import ieee_float32
from latentgen.networks.training_config import TrainingConfig

BATCH_SIZE = 32
LEARNING_RATE = 2e-4
NETWORKS: dict[str, tuple[dict[str, Any], Shape]] = {
    "CNN": ({"architecture": "cnn", "channels": [16, 32, 64], "widths": [250] * 3}, (3, 32, 32)),
    "MLP": ({"architecture": "mlp", "widths": [512] * 3}, (1, 28, 28)),
    "ResNet18": ({"architecture": "resnet18"}, (3, 32, 32)),
}
TOLERANCE = 1e-4  # relative, of losses


@dataclass(frozen=True)
class Task:
    """What is trained: random images with random labels, on a device."""

    module: nn.Module
    data: training.TrainingData
    config: TrainingConfig
    device: torch.device

    def batch(self, index: int) -> "Task":
        """The same with the images of one batch only."""
        rows = list(training.batch_order(len(self.data.images), self.config, 1))[index]
        data = replace(
            self.data,
            images=self.data.images[rows],
            observed=self.data.observed[rows],
            true=self.data.true[rows],
        )
        return replace(self, data=data)


def make_task(network: str, batches: int, device: str, *, compiled: bool = False) -> Task:
    """One of the papers' networks and random images for it."""
    settings, shape = NETWORKS[network]
    random = torch.Generator().manual_seed(0)
    n = batches * BATCH_SIZE
    images = torch.randint(0, 256, (n, *shape), dtype=torch.uint8, generator=random)
    labels = torch.randint(0, 10, (n,), generator=random)
    none = slice(0, 0)
    data = training.TrainingData(
        images, labels, labels, images[none], labels[none], images[none], labels[none], 0.5, 0.5
    )
    config = TrainingConfig(
        "Adam", LEARNING_RATE, BATCH_SIZE, 1, 1.0, shuffle=True, seed=1, compile=compiled
    )
    module = build(settings, shape, 10, seed=2).module
    return Task(module, data, config, device_of(device))


# ------------------------------------------------------------------------------------ plain


class Images(Dataset[tuple[Tensor, int]]):
    """Images that are opened and transformed one by one, as torchvision's datasets do."""

    def __init__(self, images: Tensor, labels: Tensor) -> None:
        """Take uint8 images (N, C, H, W)."""
        from torchvision import transforms

        self.images = images.permute(0, 2, 3, 1).numpy()
        self.labels = labels.tolist()
        self.transform = transforms.Compose(
            [transforms.ToTensor(), transforms.Normalize((0.5,), (0.5,))]
        )

    def __len__(self) -> int:
        """Number of images."""
        return len(self.labels)

    def __getitem__(self, index: int) -> tuple[Tensor, int]:
        """One image as a normalised tensor, and its label."""
        from PIL import Image

        return self.transform(Image.fromarray(self.images[index].squeeze())), self.labels[index]


def textbook(module: nn.Module) -> nn.Module:
    """A copy of the network as one usually writes it: each ReLU before its pooling."""
    module = copy.deepcopy(module)
    blocks: list[nn.Module] = list(getattr(module, "features", []))
    for i in range(1, len(blocks)):
        if isinstance(blocks[i - 1], nn.MaxPool2d) and isinstance(blocks[i], nn.ReLU):
            blocks[i - 1], blocks[i] = blocks[i], blocks[i - 1]
    if blocks:
        module.features = nn.Sequential(*blocks)
    return module


def plain_steps(task: Task) -> Callable[[int], list[float]]:
    """Steps of Adam over a DataLoader from the initial weights on; gives the epoch's losses."""
    module = textbook(task.module).to(task.device)
    optimizer = torch.optim.Adam(module.parameters(), lr=task.config.learning_rate)
    dataset = Images(task.data.images, task.data.observed)
    module.train()

    @ieee_float32()  # as ours: by itself a GPU would convolve in TF32
    def epoch(number: int) -> list[float]:
        order = torch.cat(list(training.batch_order(len(dataset), task.config, number)))
        losses, right = [], 0
        for images, labels in DataLoader(dataset, BATCH_SIZE, sampler=order.tolist()):
            images, labels = images.to(task.device), labels.to(task.device)
            optimizer.zero_grad()
            logits = module(images)
            loss = functional.cross_entropy(logits, labels)
            loss.backward()
            optimizer.step()
            losses.append(loss.item())
            right += (logits.argmax(1) == labels).sum().item()
        return losses

    return epoch


def plain_loss(task: Task) -> float:
    """Mean loss of one epoch."""
    losses = plain_steps(task)(1)
    return sum(losses) / len(losses)


# ------------------------------------------------------------------------------------- ours


def our_curve(task: Task, steps: int) -> list[float]:
    """Losses of the first steps: every one an epoch over the images of one batch."""
    trainer = _ours(task)
    losses = []
    for step in range(steps):
        trainer.data = task.batch(step).data.to(task.device)
        losses.append(trainer.epoch(1)["train_loss"])
    return losses


def our_loss(task: Task) -> float:
    """Mean loss of one epoch."""
    return _ours(task).epoch(1)["train_loss"]


def _ours(task: Task) -> training.Trainer:
    module = copy.deepcopy(task.module).to(task.device)
    training.prepare(module)
    return training.Trainer(module, task.data.to(task.device), task.config)


def agree(plain: list[float], ours: list[float]) -> str:
    """Compare losses."""
    pairs = zip(plain, ours, strict=True)
    difference = max(abs(ours - plain) / plain for plain, ours in pairs)
    return require(
        difference <= TOLERANCE, f"losses of {len(plain)} steps within {difference:.0e} relative"
    )


@contextmanager
def one_process(network: str, device: str, sizes: Sizes, *, compiled: bool = False) -> Prepared:
    """Both in this process, all its threads; compiling, which a run does once, is not timed."""
    task = make_task(network, sizes.batches, device, compiled=compiled)
    if compiled:
        our_loss(task)

    def check(plain: float, ours: float) -> str:
        first = make_task(network, sizes.curve_steps, device, compiled=compiled)
        said = agree(plain_steps(first)(1), our_curve(first, sizes.curve_steps))
        return f"{said}; {agree([plain], [ours]).replace('1 steps', 'the epoch')}"

    yield Comparison(partial(plain_loss, task), partial(our_loss, task), check)


def _one_thread() -> None:
    torch.set_num_threads(1)


def _train_in_worker(network: str, batches: int, device: str) -> float:
    return our_loss(make_task(network, batches, device))


@contextmanager
def together(network: str, device: str, n_runs: int, sizes: Sizes) -> Prepared:
    """Ours as several processes at once, of one thread each."""
    task = make_task(network, sizes.batches, device)
    plain = partial(plain_loss, task)
    with ProcessPoolExecutor(n_runs, get_context("spawn"), _one_thread) as pool:

        def ours(batches: int = sizes.batches) -> list[float]:
            arguments = [[value] * n_runs for value in (network, batches, device)]
            return list(pool.map(_train_in_worker, *arguments))

        ours(batches=1)  # the processes have started, and have all been used

        def check(loss: float, losses: list[float]) -> str:
            said = agree([loss] * n_runs, losses)
            return said.replace(f"{n_runs} steps", f"the epoch of {n_runs} runs")

        yield Comparison(plain, ours, check, work=n_runs)


def _rows(network: str, aims: Mapping[str, float]) -> list[Benchmark]:
    plain = "DataLoader, a transform for each sample, default Adam, `.item()` at each step"
    name = network.lower()
    return [
        Benchmark(
            f"{name}-one-process",
            f"training the {network}, batches of 32, float32: one process",
            plain,
            aims["one"],
            partial(one_process, network, "cpu"),
        ),
        Benchmark(
            f"{name}-two-processes",
            "the same, summed over two processes of one thread each",
            f"{plain}; one process",
            aims["two"],
            partial(together, network, "cpu", 2),
            rounds=3,
        ),
    ]


BENCHMARKS = [
    *_rows("CNN", {"one": 1.6, "two": 1.8}),
    *_rows("MLP", {"one": 1.4, "two": 2.0}),
    Benchmark(
        "gpu-cnn",
        "GPU: training the CNN, batches of 32, float32",
        "the plain loop on the same GPU",
        3.0,
        partial(one_process, "CNN", ACCELERATOR),
        needs_gpu=True,
    ),
    Benchmark(
        "gpu-cnn-compiled",
        "the same, compiled (CUDA graphs of forward and backward pass); changes numbers",
        "the plain loop on the same GPU",
        3.0,
        partial(one_process, "CNN", ACCELERATOR, compiled=True),
        needs_gpu=True,
    ),
    Benchmark(
        "gpu-cnn-together",
        "GPU: 8 runs of the CNN together, one process each",
        "8 plain runs one after the other",
        10.0,
        partial(together, "CNN", ACCELERATOR, 8),
        needs_gpu=True,
    ),
]
