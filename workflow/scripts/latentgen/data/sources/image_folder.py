"""Images in class folders, or in an archive of them."""

import os
import tempfile
from collections.abc import Iterable
from http.client import HTTPException
from pathlib import Path

from latentgen.data.class_folders import read_class_folders
from latentgen.data.datasets import Dataset, StrPath
from latentgen.data.image_files import height_and_width
from latentgen.errors import PipelineError, one_line


def image_folder(
    path: StrPath,
    image_size: int | Iterable[int],
    train: str = "train",
    test: str = "test",
    grayscale: bool = False,
    url: str | None = None,
    md5: str | None = None,
) -> Dataset:
    """Read images in class folders, either in a folder or in a zip or tar archive.

    The classes are the folders below `train`, in natural order; images may lie deeper in them. The
    folder `test` has the same class folders or, as in TinyImageNet's `val`, images in any place and
    a file `*_annotations.txt` whose tab-separated lines begin with file name and class. Samples are
    ordered by class, then by file name.

    An archive is extracted to a temporary folder. Links are followed, in an archive only to other
    members. `train` and `test` may lie in a single top folder. Hidden files, and files not named as
    images, are skipped and listed in the job's log.

    Args:
        path: the folder or archive.
        image_size: pixels a side, or height and width; images of another size are resampled.
        train: folder of the training split.
        test: folder of the test split.
        grayscale: one channel instead of three.
        url: of the archive, downloaded if there is nothing at `path`.
        md5: checksum of that download.

    Raises:
        PipelineError: `path` or a split is missing, a download fails, an archive or image is
            damaged, an archive's member points out of it, nothing in a class folder is an image,
            or a test image is of no known class.
    """
    where = Path(path)
    if url is not None and not where.exists():
        _download(url, where, md5)
    size = height_and_width(image_size)
    class_names, splits = read_class_folders(where, train, test, size, grayscale)
    training, testing = splits
    return Dataset(
        train_images=training.images,
        train_labels=training.labels,
        test_images=testing.images,
        test_labels=testing.labels,
        class_names=class_names,
        train_names=training.names,
        source=f"images of {where} at {size[0]}x{size[1]}",
    )


def _download(url: str, path: Path, md5: str | None) -> None:
    """Download a file, which gets its name only after its checksum is compared."""
    from torchvision.datasets.utils import download_url

    path.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix=".partial.", dir=path.parent) as folder:
        try:
            download_url(url, folder, filename=path.name, md5=md5)
        except (OSError, RuntimeError, ValueError, HTTPException) as error:
            message = f"{path}: downloading {url} failed ({one_line(error)})"
            raise PipelineError(message) from error
        os.replace(Path(folder, path.name), path)
