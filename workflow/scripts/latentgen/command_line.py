"""The command `latentgen`."""

from collections.abc import Iterator
from pathlib import Path
from typing import Annotated, Any

import numpy as np
import pandas as pd
import typer
from scipy.stats import binomtest

from latentgen import progress
from latentgen.data.image_files import pixels_of
from latentgen.data.labelled_samples import LabelledSamples, corrected, read_labelled_samples
from latentgen.errors import PipelineError
from latentgen.storage import atomic_path

app = typer.Typer(no_args_is_help=True, add_completion=False, pretty_exceptions_enable=False)

BATCH = 64
SIDE = 32
"""Pixels a side of the images that a small network is trained on."""

EPOCHS = 20
"""Passes of that training."""


@app.callback()
def latentgen() -> None:
    """Find wrong labels with probes of a network's layers."""


@app.command("label-issues")
def label_issues(
    path: Annotated[
        Path,
        typer.Argument(
            help="Class folders, an archive of them, a .csv with columns file and label, a "
            "Hugging Face folder, or an .npz with features and labels."
        ),
    ],
    out: Annotated[Path, typer.Option(help="Folder to write to.")] = Path("review"),
    features: Annotated[
        str | None,
        typer.Option(
            help="efficientnet_lite0 (default), torchvision:NAME, timm:NAME, a network that this "
            "package exported (.safetensors), or train: a small network is trained on your images."
        ),
    ] = None,
    weights: Annotated[
        Path | None, typer.Option(help="State dict for torchvision:NAME or timm:NAME.")
    ] = None,
    corrections: Annotated[
        Path | None, typer.Option(help="The .csv that the review page exported.")
    ] = None,
    show: Annotated[int, typer.Option(min=1, help="Number of samples on the page.")] = 300,
    seed: Annotated[int, typer.Option(help="Seed of the folds, and of --features train.")] = 0,
) -> None:
    """List the labels that are probably wrong, and write a page to review them."""
    try:
        _label_issues(path, out, features, weights, corrections, show, seed)
    except PipelineError as error:
        typer.echo(f"error: {error}", err=True)
        raise typer.Exit(1) from None


def _label_issues(
    path: Path,
    out: Path,
    features: str | None,
    weights: Path | None,
    corrections: Path | None,
    show: int,
    seed: int,
) -> None:
    from latentgen.drawing.review_page import review_page

    samples = read_labelled_samples(path)
    if corrections is not None:
        samples = corrected(samples, corrections)
    n_classes = len(samples.classes)
    typer.echo(f"{samples.source}: {len(samples.names)} samples, {n_classes} classes")
    if samples.note:
        typer.echo(samples.note)
    table = _scored(samples, features, weights, seed)
    table["reviewed"] = samples.reviewed
    table.loc[samples.reviewed, "is_label_issue"] = False
    out.mkdir(parents=True, exist_ok=True)
    files = {"table": out / "label_issues.csv", "page": out / "index.html"}
    title = f"Label issues of {path.name}"
    page = review_page(
        table, samples.open_image, title=title, classes=samples.classes, n_shown=show
    )
    with atomic_path(files["table"]) as partial:
        table.to_csv(partial, index_label="file")
    with atomic_path(files["page"]) as partial:
        partial.write_text(page, encoding="utf-8")
    _report(table, files)


def _scored(
    samples: LabelledSamples, features: str | None, weights: Path | None, seed: int
) -> pd.DataFrame:
    """The table of `label_scores`, with the samples' names as index."""
    from latentgen.label_issues.find import find_label_issues
    from latentgen.label_issues.scores import label_scores

    if samples.features is not None:
        if features is not None or weights is not None:
            raise PipelineError("--features, --weights: found features in the file; leave them out")
        return label_scores(samples.features, samples.labels, ids=samples.names, seed=seed)
    classes = samples.classes
    targets = np.searchsorted(classes, samples.labels)
    model, batches, memorised = _network(samples, targets, features, weights, seed)
    table = find_label_issues(model, batches, seed=seed, memorised=memorised)
    if "layer" in table.attrs:
        typer.echo(f"layer: {table.attrs['layer']} (its probes predict held-out labels best)")
    table.index = pd.Index(samples.names, name="id")
    for column in ("given_label", "predicted_label"):
        table[column] = np.array(classes)[table[column].to_numpy()]
    return table


def _network(
    samples: LabelledSamples,
    targets: Any,
    features: str | None,
    weights: Path | None,
    seed: int,
) -> tuple[Any, Any, bool]:
    """The network to probe, batches of its inputs and labels, and whether it saw these labels."""
    from latentgen.networks.pretrained import EFFICIENTNET, pretrained

    if features == "train":
        return *_trained(samples, targets, seed), True
    if features is not None and features.endswith(".safetensors"):
        return *_exported(samples, targets, Path(features)), True
    try:
        network = pretrained(features or EFFICIENTNET, weights)
    except PipelineError as error:
        if features is not None:
            raise
        typer.echo(f"no pretrained network ({error}); training a small one on these images")
        return *_trained(samples, targets, seed), True
    typer.echo(f"features: layers of {network.name}")
    return network.model, _Batches(samples, targets, network.transform), False


class _Batches:
    """Batches of inputs and labels in the samples' order, with a progress bar at every pass."""

    def __init__(self, samples: LabelledSamples, targets: Any, transform: Any) -> None:
        import torch
        from torch.utils.data import DataLoader, Dataset

        class Images(Dataset[Any]):
            def __len__(self) -> int:
                return len(samples.names)

            def __getitem__(self, row: int) -> Any:
                return transform(samples.open_image(row)), torch.tensor(targets[row])  # type: ignore[misc]

        self._loader = DataLoader(Images(), batch_size=BATCH)

    def __len__(self) -> int:
        return len(self._loader)

    def __iter__(self) -> Iterator[Any]:
        yield from progress.bar(self._loader, desc="images", unit="batch")


def _exported(samples: LabelledSamples, targets: Any, file: Path) -> tuple[Any, Any]:
    """A network that the pipeline exported, and batches of images of its input size."""
    import torch

    from latentgen.editing import export
    from latentgen.networks.extract import normalise

    network = export.load(file)
    channels, height, width = network.facts["shape"]

    def transform(image: Any) -> Any:
        pixels = pixels_of(image.convert("L" if channels == 1 else "RGB"), (height, width))
        inputs = torch.from_numpy(pixels.copy())[None]
        return normalise(inputs, **network.facts["normalise"])[0]

    typer.echo(f"features: layers of {file}")
    return network.network, _Batches(samples, targets, transform)


def _trained(samples: LabelledSamples, targets: Any, seed: int) -> tuple[Any, Any]:
    """A small network, trained on the images and their observed labels."""
    import torch
    from torch.nn.functional import cross_entropy

    from latentgen.networks.extract import normalise
    from latentgen.networks.network import build

    def transform(image: Any) -> Any:
        pixels = torch.from_numpy(pixels_of(image, (SIDE, SIDE)).copy())
        return normalise(pixels[None], 0.5, 0.5)[0]

    batches = list(_Batches(samples, targets, transform))
    images, labels = (torch.cat(parts) for parts in zip(*batches, strict=True))
    settings = {"architecture": "cnn", "channels": [16, 32], "widths": [128, 128]}
    model = build(settings, (3, SIDE, SIDE), len(samples.classes), seed).module
    optimizer = torch.optim.Adam(model.parameters())
    generator = torch.Generator().manual_seed(seed)
    for _ in progress.bar(range(EPOCHS), desc="training", unit="epoch"):
        for rows in torch.randperm(len(labels), generator=generator).split(BATCH):
            if len(rows) > 1:
                optimizer.zero_grad()
                cross_entropy(model(images[rows]), labels[rows]).backward()
                optimizer.step()
    typer.echo(f"features: layers of a small network, trained on these images ({SIDE} px)")
    return model.eval(), list(zip(images.split(BATCH), labels.split(BATCH), strict=True))


def _report(table: pd.DataFrame, files: dict[str, Path]) -> None:
    """Print the estimated number of wrong labels, the ten worst, and where the files are."""
    rate, n = table.attrs["noise_rate"], len(table)
    low, high = binomtest(round(rate * n), n).proportion_ci()
    typer.echo(
        f"estimated wrong labels: {rate * n:.0f} of {n} ({rate:.1%}; 95 % interval over samples "
        f"{low * n:.0f} to {high * n:.0f}); flagged: {table['is_label_issue'].sum()}"
    )
    worst = table[~table["reviewed"]].nsmallest(10, "label_score")
    typer.echo(worst[["label_score", "given_label", "predicted_label"]].round(4).to_string())
    typer.echo(f"table: {files['table']}\nreview: open {files['page']} in a browser")
