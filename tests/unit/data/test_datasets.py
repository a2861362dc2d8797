"""Datasets from every source, with pixels known by hand, and what damaged or hostile files do."""

import gzip
import hashlib
import io
import json
import pickle
import re
import tarfile
import zipfile
from collections.abc import Callable, Iterator
from dataclasses import replace
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from typing import Any

import h5py
import numpy as np
import pytest
from PIL import Image
from sklearn.datasets import load_digits
from tests.own_data import idx

from latentgen.data import datasets
from latentgen.data.datasets import Dataset
from latentgen.data.loading import load
from latentgen.drawing.samples import draw_samples
from latentgen.errors import PipelineError

RED, GREEN, BLUE = (255, 0, 0), (0, 255, 0), (0, 0, 255)


def fails(*said: str) -> Any:
    """Expect a PipelineError of one line in which these words follow one another."""
    words = r"[^\n]*".join(map(re.escape, said))
    return pytest.raises(PipelineError, match=rf"\A[^\n]*{words}[^\n]*\Z")


def toy(n_train: int = 12, n_test: int = 6, n_classes: int = 3) -> Dataset:
    generator = np.random.default_rng(0)
    return Dataset(
        train_images=generator.integers(0, 256, (n_train, 1, 4, 5), dtype=np.uint8),
        train_labels=np.arange(n_train) % n_classes,
        test_images=generator.integers(0, 256, (n_test, 1, 4, 5), dtype=np.uint8),
        test_labels=np.arange(n_test) % n_classes,
        class_names=tuple("abcdefghijklmnopqrstuvwxyz"[:n_classes]),
        source="toy",
    )


# Sources: scikit-learn ----------------------------------------------------------------------------


def test_digits_are_scaled_split_by_class_and_all_there() -> None:
    dataset = load("sklearn", name="digits")
    assert dataset.train_images.shape == (1437, 1, 8, 8)
    assert dataset.test_images.shape == (360, 1, 8, 8)
    assert dataset.class_names == tuple("0123456789")
    original = load_digits()
    # A permutation of the original: the same images with the same labels.
    scaled = np.rint(original.data / 16 * 255).astype(int)
    found = np.concatenate([dataset.train_images, dataset.test_images]).reshape(1797, 64)
    labels = np.concatenate([dataset.train_labels, dataset.test_labels])
    expected_rows = np.column_stack([original.target, scaled])
    assert sorted(map(tuple, np.column_stack([labels, found]))) == sorted(map(tuple, expected_rows))
    shares = np.bincount(dataset.test_labels) / np.bincount(original.target)
    assert np.allclose(shares, 0.2, atol=0.005)


# Sources: torchvision -----------------------------------------------------------------------------


def mnist_files(n_train: int = 20, n_test: int = 10) -> dict[str, bytes]:
    generator = np.random.default_rng(0)
    files = {}
    for name, number in (("train", n_train), ("t10k", n_test)):
        images = generator.integers(0, 256, (number, 28, 28), dtype=np.uint8)
        files[f"{name}-images-idx3-ubyte"] = idx(images)
        files[f"{name}-labels-idx1-ubyte"] = idx((np.arange(number) % 10).astype(np.uint8))
    return files


@pytest.fixture
def mnist_root(tmp_path: Path) -> Path:
    raw = tmp_path / "root" / "MNIST" / "raw"
    raw.mkdir(parents=True)
    for name, content in mnist_files().items():
        (raw / name).write_bytes(content)
    return tmp_path / "root"


class Quiet(SimpleHTTPRequestHandler):
    def log_message(self, *_: object) -> None:
        """Keep requests out of the tests' output."""


@pytest.fixture
def mirror(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[tuple[Path, str]]:
    """A folder that this machine serves to itself, and the address at which it does."""
    folder = tmp_path / "mirror"
    folder.mkdir()
    monkeypatch.setenv("no_proxy", "*")
    with ThreadingHTTPServer(("127.0.0.1", 0), partial(Quiet, directory=folder)) as server:
        Thread(target=server.serve_forever, daemon=True).start()
        yield folder, f"http://127.0.0.1:{server.server_port}/"
        server.shutdown()


@pytest.fixture
def mnist_mirror(mirror: tuple[Path, str], monkeypatch: pytest.MonkeyPatch) -> Path:
    """A served folder from which torchvision downloads MNIST."""
    from torchvision.datasets import MNIST

    folder, address = mirror
    resources = []
    for name, content in mnist_files().items():
        archive = gzip.compress(content, mtime=0)
        (folder / f"{name}.gz").write_bytes(archive)
        resources.append((f"{name}.gz", hashlib.md5(archive).hexdigest()))
    monkeypatch.setattr(MNIST, "resources", resources)
    monkeypatch.setattr(MNIST, "mirrors", [address])
    return folder


def load_mnist(root: Path, download: bool) -> Dataset:
    return load("torchvision", name="MNIST", root=root, download=download)


def test_mnist_is_found_in_its_root(mnist_root: Path) -> None:
    dataset = load_mnist(mnist_root, download=False)
    assert dataset.train_images.shape == (20, 1, 28, 28)
    assert dataset.train_labels.tolist() == list(range(10)) * 2
    pixels = dataset.test_images.tobytes()
    assert pixels == mnist_files()["t10k-images-idx3-ubyte"][16:]
    assert dataset.class_names[3] == "3 - three"


def test_mnist_is_downloaded_to_its_root_and_nothing_else_stays_there(
    mnist_mirror: Path, tmp_path: Path
) -> None:
    root = tmp_path / "new" / "root"
    with fails("MNIST", str(root), "not found"):
        load_mnist(root, download=False)
    whole = datasets.checksum(load_mnist(root, download=True))
    assert whole == datasets.checksum(load_mnist(root, download=False))
    assert [path.name for path in root.iterdir() if path.name[0] != "."] == ["MNIST"]
    damaged = root / "MNIST" / "raw" / "train-images-idx3-ubyte"
    damaged.write_bytes(damaged.read_bytes()[:-1])
    assert datasets.checksum(load_mnist(root, download=True)) == whole
    # An archive that is in the root is not downloaded; one of another content leaves nothing.
    raw = tmp_path / "archives" / "MNIST" / "raw"
    raw.mkdir(parents=True)
    for archive in list(mnist_mirror.iterdir()):
        archive.rename(raw / archive.name)
    assert len(load_mnist(tmp_path / "archives", download=True).train_labels) == 20
    (mnist_mirror / "train-images-idx3-ubyte.gz").write_bytes(gzip.compress(b"forged"))
    with fails("MNIST", "downloading it failed", "train-images-idx3-ubyte.gz"):
        load_mnist(tmp_path / "other", download=True)
    assert list((tmp_path / "other").iterdir()) == []


@pytest.mark.parametrize("kept", [0, 3, 10, -1])
def test_a_truncated_mnist_file_is_named(mnist_root: Path, kept: int) -> None:
    file = mnist_root / "MNIST" / "raw" / "train-labels-idx1-ubyte"
    file.write_bytes(file.read_bytes()[:kept])
    with fails(str(file), "is damaged"):
        load_mnist(mnist_root, download=False)


@pytest.fixture
def cifar_root(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """CIFAR-10's files with two images: all red of class 0 and all blue of class 1."""
    from torchvision.datasets import CIFAR10

    plane = np.ones(32 * 32, dtype=np.uint8)
    data = np.array([np.outer(colour, plane).ravel() for colour in (RED, BLUE)], dtype=np.uint8)
    folder = tmp_path / "root" / CIFAR10.base_folder
    folder.mkdir(parents=True)

    def entry(name: str, content: dict[str, Any]) -> list[str]:
        (folder / name).write_bytes(pickle.dumps(content))
        return [name, hashlib.md5((folder / name).read_bytes()).hexdigest()]

    batch = {"data": data, "labels": [0, 1]}
    monkeypatch.setattr(CIFAR10, "train_list", [entry("data_batch_1", batch)])
    monkeypatch.setattr(CIFAR10, "test_list", [entry("test_batch", batch)])
    name, md5 = entry("batches.meta", {"label_names": ["plane", "car"]})
    monkeypatch.setattr(CIFAR10, "meta", {"filename": name, "key": "label_names", "md5": md5})
    monkeypatch.setattr(CIFAR10, "url", (tmp_path / "nowhere.tar.gz").as_uri())
    return tmp_path / "root"


def test_cifar_has_its_channels_first_and_damage_is_reported(cifar_root: Path) -> None:
    dataset = load("torchvision", name="CIFAR10", root=cifar_root, download=False)
    assert dataset.train_images.shape == (2, 3, 32, 32)
    assert dataset.train_images[:, :, 5, 7].tolist() == [list(RED), list(BLUE)]
    assert dataset.class_names == ("plane", "car")
    file = cifar_root / "cifar-10-batches-py" / "data_batch_1"
    file.write_bytes(file.read_bytes()[:-1])
    for download in (False, True):
        with fails("CIFAR10", str(cifar_root), "corrupted"):
            load("torchvision", name="CIFAR10", root=cifar_root, download=download)


# Sources: folders and archives of images ----------------------------------------------------------

Files = dict[str, bytes]


def encoded(image: Image.Image, kind: str = "PNG", **options: Any) -> bytes:
    buffer = io.BytesIO()
    image.save(buffer, kind, **options)
    return buffer.getvalue()


def plain(colour: tuple[int, int, int], size: int = 4) -> bytes:
    return encoded(Image.new("RGB", (size, size), colour))


def class_folders() -> Files:
    return {
        "train/cat/b.png": plain(GREEN),
        "train/cat/a.png": plain(RED),
        "train/ant/a.png": plain(BLUE),
        "test/cat/a.png": plain(RED),
    }


def as_folder(files: Files, path: Path) -> Path:
    for name, content in files.items():
        (path / name).parent.mkdir(parents=True, exist_ok=True)
        (path / name).write_bytes(content)
    return path


def as_zip(files: Files, path: Path) -> Path:
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in files.items():
            archive.writestr(name, content)
    return path


def as_tar(files: Files, path: Path, mode: str = "w") -> Path:
    with tarfile.open(path, mode) as archive:  # type: ignore[call-overload]
        for name, content in files.items():
            member = tarfile.TarInfo(name)
            member.size = len(content)
            archive.addfile(member, io.BytesIO(content))
    return path


def as_tar_gz(files: Files, path: Path) -> Path:
    return as_tar(files, path, "w:gz")


CONTAINERS = pytest.mark.parametrize("pack", [as_folder, as_zip, as_tar, as_tar_gz])
ARCHIVES = pytest.mark.parametrize("pack", [as_zip, as_tar, as_tar_gz])
Pack = Callable[[Files, Path], Path]


def load_images(path: Path, image_size: Any = 4, **settings: Any) -> Dataset:
    return load("image_folder", path=path, image_size=image_size, **settings)


@CONTAINERS
@pytest.mark.parametrize("top", ["", "./", "tiny-set/"])
def test_samples_are_sorted_by_class_and_file(pack: Pack, top: str, tmp_path: Path) -> None:
    files = {f"{top}{name}": content for name, content in class_folders().items()}
    dataset = load_images(pack(files, tmp_path / "images"))
    assert dataset.class_names == ("ant", "cat")
    assert dataset.train_labels.tolist() == [0, 1, 1]
    assert dataset.train_images.shape == (3, 3, 4, 4)
    assert dataset.train_images[:, :, 0, 0].tolist() == [list(BLUE), list(RED), list(GREEN)]
    assert dataset.test_labels.tolist() == [1]


@CONTAINERS
def test_hidden_files_are_left_out(pack: Pack, tmp_path: Path) -> None:
    files = {f"set/{name}": content for name, content in class_folders().items()}
    junk = {
        "__MACOSX/set/train/cat/a.png": b"junk",
        "set/train/.DS_Store": b"junk",
        "set/train/cat/._a.png": b"junk",
        "set/train/.cache/a.png": b"junk",
        "set/train/cat/notes.txt": b"no image",
    }
    dataset = load_images(pack(files | junk, tmp_path / "images"))
    assert dataset.class_names == ("ant", "cat")
    assert len(dataset.train_labels) == 3


def test_the_stated_size_is_that_of_the_source_before_it_is_cut() -> None:
    size = {"train": 1437, "test": 360, "shape": [1, 8, 8], "classes": 10}
    dataset = load("sklearn", size=size, subset={"train": 100})
    assert len(dataset.train_labels) == 100
    with pytest.raises(PipelineError, match=r"size\.train is stated as 100; found 1437"):
        load("sklearn", size=size | {"train": 100}, subset={"train": 100})


def test_an_archive_that_is_not_there_is_downloaded_and_must_be_the_right_one(
    tmp_path: Path, mirror: tuple[Path, str]
) -> None:
    folder, address = mirror
    original = as_zip(class_folders(), folder / "original.zip")
    url = f"{address}original.zip"
    md5 = hashlib.md5(original.read_bytes()).hexdigest()
    path = tmp_path / "data" / "images.zip"
    with pytest.raises(PipelineError, match=r"images\.zip: downloading http:.* failed"):
        load_images(path, url=url, md5="0" * 32)
    assert list(path.parent.iterdir()) == []
    dataset = load_images(path, url=url, md5=md5)
    assert dataset.class_names == ("ant", "cat")
    original.unlink()
    assert datasets.checksum(load_images(path, url=url, md5=md5)) == (datasets.checksum(dataset))


def tiny_image_net() -> Files:
    return {
        "tiny/words.txt": b"n01\tfish\n",
        "tiny/train/n01/images/n01_0.JPEG": plain(RED),
        "tiny/train/n01/n01_boxes.txt": b"n01_0.JPEG\t0\t0\t1\t1\n",
        "tiny/train/n02/images/n02_0.JPEG": plain(BLUE),
        "tiny/val/images/val_0.JPEG": plain(BLUE),
        "tiny/val/images/val_1.JPEG": plain(RED),
        "tiny/val/val_annotations.txt": b"val_0.JPEG\tn02\t0\t0\t1\t1\nval_1.JPEG\tn01\t0\t0\n",
        "tiny/test/images/test_0.JPEG": plain(GREEN),
    }


@CONTAINERS
def test_annotations_give_the_classes_of_tiny_image_nets_validation_images(
    pack: Pack, tmp_path: Path
) -> None:
    dataset = load_images(pack(tiny_image_net(), tmp_path / "images"), test="val")
    assert dataset.class_names == ("n01", "n02")
    assert dataset.test_labels.tolist() == [0, 1]
    assert dataset.test_images[:, :, 0, 0].tolist() == [list(RED), list(BLUE)]


def test_class_folders_win_over_annotations(tmp_path: Path) -> None:
    """Validation images that were moved to class folders, the annotations being left there."""
    files = class_folders() | {"test/val_annotations.txt": b"a.png\tant\n"}
    assert load_images(as_folder(files, tmp_path)).test_labels.tolist() == [1]


@pytest.mark.parametrize(
    ("annotations", "said"),
    [
        (b"val_0.JPEG n02\n", ("val_annotations.txt", "val_0.JPEG n02", "tab")),
        (b"val_0.JPEG\tn02\n", ("val_annotations.txt", "val_1.JPEG", "not annotated")),
        (
            b"val_0.JPEG\tn02\nval_1.JPEG\tn01\nval_9.JPEG\tn01\n",
            ("val_annotations.txt", "val_9.JPEG", "missing"),
        ),
        (
            b"val_0.JPEG\tn02\nval_1.JPEG\tn09\n",
            ("val/images/val_1.JPEG", "'n09'", "none of the 2 training classes"),
        ),
    ],
)
def test_wrong_annotations(annotations: bytes, said: tuple[str, ...], tmp_path: Path) -> None:
    files = tiny_image_net() | {"tiny/val/val_annotations.txt": annotations}
    with fails(*said):
        load_images(as_folder(files, tmp_path), test="val")


@pytest.mark.parametrize(
    ("change", "settings", "said"),
    [
        ({"test/dog/x.png": b""}, {}, ("test/dog/x.png", "'dog'", "none of the 2")),
        ({"train/stray.png": b""}, {}, ("train/stray.png", "no class folder")),
        ({"test/stray.png": b""}, {}, ("test/stray.png", "no class folder")),
        ({}, {"test": "val"}, ("val/", "found no image")),
        ({}, {"train": "training"}, ("training/", "found no image")),
        ({}, {"image_size": 0}, ("image_size", "0")),
        ({}, {"image_size": [32, 32, 3]}, ("image_size", "[32, 32, 3]")),
        ({}, {"image_size": 4.5}, ("image_size", "4.5")),
    ],
)
def test_folders_that_do_not_fit(
    change: Files, settings: dict[str, Any], said: tuple[str, ...], tmp_path: Path
) -> None:
    with fails(*said):
        load_images(as_folder(class_folders() | change, tmp_path), **settings)


def first_pixels(image: bytes, tmp_path: Path, **settings: Any) -> list[list[int]]:
    """The first two pixels of the first row as the source reads them from a file of that content.

    The file's ending says nothing: formats are told by content.
    """
    files = class_folders() | {"test/cat/a.png": image}
    dataset = load_images(as_folder(files, tmp_path), **settings)
    return dataset.test_images[0, :, 0, :2].T.tolist()


def two_pixels(mode: str, first: Any, second: Any) -> Image.Image:
    """An image of 4 x 4: the left column of one colour, the rest of another."""
    image = Image.new(mode, (4, 4), second)
    image.paste(first, (0, 0, 1, 4))
    return image


def palette(kind: str = "PNG", **options: Any) -> bytes:
    image = two_pixels("P", 1, 0)
    image.putpalette([*RED, *GREEN])
    return encoded(image, kind, **options)


def sixteen_bit(kind: str) -> bytes:
    pixels = np.full((4, 4), 0x00FF, dtype=np.uint16)  # 255 / 257 is nearly 1, its high byte 0
    pixels[:, 0] = 65535
    return encoded(Image.fromarray(pixels), kind)


ORIENTATION = 0x0112


def mirrored_by_exif() -> bytes:
    exif = Image.Exif()
    exif[ORIENTATION] = 2
    image = Image.new("RGB", (4, 4), GREEN)
    image.paste(RED, (3, 0, 4, 4))
    return encoded(image, exif=exif)


@pytest.mark.parametrize(
    ("image", "expected"),
    [
        (encoded(two_pixels("RGB", RED, (1, 2, 3))), [RED, (1, 2, 3)]),
        (encoded(two_pixels("L", 7, 200)), [(7, 7, 7), (200, 200, 200)]),
        (encoded(two_pixels("1", 1, 0)), [(255, 255, 255), (0, 0, 0)]),
        (palette(), [GREEN, RED]),
        (palette(transparency=0), [GREEN, (0, 0, 0)]),
        (palette("GIF"), [GREEN, RED]),
        (encoded(two_pixels("RGBA", (*RED, 255), (200, 100, 50, 51))), [RED, (40, 20, 10)]),
        (encoded(two_pixels("LA", (100, 255), (100, 0))), [(100, 100, 100), (0, 0, 0)]),
        (encoded(two_pixels("RGB", RED, GREEN), transparency=GREEN), [RED, (0, 0, 0)]),
        (
            encoded(two_pixels("CMYK", (0, 255, 255, 0), (255, 255, 0, 0)), "TIFF"),
            [RED, BLUE],
        ),
        (sixteen_bit("PNG"), [(255, 255, 255), (1, 1, 1)]),
        (sixteen_bit("TIFF"), [(255, 255, 255), (1, 1, 1)]),
        (sixteen_bit("PPM"), [(255, 255, 255), (1, 1, 1)]),
        (mirrored_by_exif(), [RED, GREEN]),
    ],
    ids=[
        "rgb", "grey", "one-bit", "palette", "palette-transparent", "gif", "alpha", "grey-alpha",
        "transparent-colour", "cmyk", "16-bit-png", "16-bit-tiff", "16-bit-pgm", "exif",
    ],
)  # fmt: skip
def test_every_kind_of_image_becomes_rgb(
    image: bytes, expected: list[tuple[int, int, int]], tmp_path: Path
) -> None:
    assert first_pixels(image, tmp_path) == [list(pixel) for pixel in expected]


def test_an_image_that_lies_on_its_side_is_turned_before_it_is_resized(tmp_path: Path) -> None:
    """Orientation 6: the stored picture is 4 wide and 2 high, its left column is the top row."""
    exif = Image.Exif()
    exif[ORIENTATION] = 6
    image = Image.new("RGB", (4, 2), GREEN)
    image.paste(RED, (0, 0, 1, 2))
    files = class_folders() | {"test/cat/a.png": encoded(image, exif=exif)}
    test_image = load_images(as_folder(files, tmp_path), image_size=[4, 2]).test_images[0]
    assert np.array_equal(test_image[0], np.array([[255, 255], [0, 0], [0, 0], [0, 0]]))


def test_grayscale_is_the_luma_of_the_colour(tmp_path: Path) -> None:
    expected = [round(0.299 * 255), round(0.587 * 255)]
    for image in (encoded(two_pixels("RGB", RED, GREEN)), encoded(two_pixels("L", 76, 150))):
        assert first_pixels(image, tmp_path, grayscale=True) == [[value] for value in expected]


def test_images_are_resized_only_if_they_differ(tmp_path: Path) -> None:
    noise = np.random.default_rng(0).integers(0, 256, (6, 10, 3), dtype=np.uint8)
    files = class_folders() | {"test/cat/a.png": encoded(Image.fromarray(noise))}
    dataset = load_images(as_folder(files, tmp_path / "a"), image_size=[6, 10])
    assert np.array_equal(dataset.test_images[0], noise.transpose(2, 0, 1))
    assert dataset.train_images.shape == (3, 3, 6, 10)
    assert (dataset.train_images[0] == np.array(BLUE)[:, None, None]).all()
    half = Image.new("L", (2, 2), 0)
    half.paste(200, (0, 0, 1, 2))  # shrinking averages
    files = class_folders() | {"test/cat/a.png": encoded(half)}
    assert (
        load_images(as_folder(files, tmp_path / "b"), 1).test_images.ravel().tolist() == [100] * 3
    )


# Damaged and hostile files ------------------------------------------------------------------------


def jpeg(quality: int = 95) -> bytes:
    noise = np.random.default_rng(1).integers(0, 256, (32, 32, 3), dtype=np.uint8)
    return encoded(Image.fromarray(noise), "JPEG", quality=quality)


POSTSCRIPT = b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 4 4\n%%EndComments\nshowpage\n%%EOF\n"


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"", "not an image of a known format"),
        (b"#!/bin/sh\nrm everything\n", "not an image of a known format"),
        (POSTSCRIPT, "not an image of a known format"),
        (jpeg()[:600], "a damaged image"),
        (plain(RED, size=64)[:-30], "a damaged image"),
        (encoded(Image.new("F", (4, 4), 0.5), "TIFF"), "floating-point"),
        (encoded(Image.new("I", (4, 4), 70000), "TIFF"), "expected 16-bit pixels, found 70000"),
    ],
    ids=["empty", "text", "postscript", "cut-jpeg", "cut-png", "float-tiff", "32-bit-tiff"],
)
def test_a_bad_image_is_named(content: bytes, said: str, tmp_path: Path) -> None:
    for pack, separator in ((as_folder, "/"), (as_zip, "!")):
        path = pack(class_folders() | {"train/cat/x.png": content}, tmp_path / pack.__name__)
        with fails(f"{path}{separator}train/cat/x.png: ", said):
            load_images(path)


def test_an_image_of_too_many_pixels_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", 100)
    files = class_folders() | {"train/cat/x.png": plain(RED, size=100)}
    with fails("train/cat/x.png", "damaged", "exceeds limit"):
        load_images(as_folder(files, tmp_path))


@pytest.mark.parametrize(
    "name", ["../train/cat/evil.png", "train/../../evil.png", "/train/cat/evil.png"]
)
@ARCHIVES
def test_a_member_that_points_out_of_the_archive_is_refused(
    pack: Pack, name: str, tmp_path: Path
) -> None:
    inner = tmp_path / "inner"
    inner.mkdir()
    path = pack(class_folders() | {name: plain(RED)}, inner / "images")
    with fails(str(path), name, "points out of the archive"):
        load_images(path)
    assert list(tmp_path.rglob("*")) == [inner, path]


@ARCHIVES
def test_a_truncated_archive_is_named(pack: Pack, tmp_path: Path) -> None:
    noise = np.random.default_rng(0).bytes(20_000)
    path = pack(class_folders() | {"train/notes.bin": noise}, tmp_path / "images")
    path.write_bytes(path.read_bytes()[:10_000])
    with fails(str(path), "archive"):
        load_images(path)


def test_a_damaged_tar_is_not_taken_for_a_whole_one(tmp_path: Path) -> None:
    path = as_tar(class_folders(), tmp_path / "images.tar")
    whole = path.read_bytes()
    with tarfile.open(path) as archive:
        members = archive.getmembers()
    path.write_bytes(whole[: members[-1].offset_data + tarfile.BLOCKSIZE])  # between two members
    with fails(str(path), "damaged", "end mark"):
        load_images(path)
    at = members[2].offset  # a header, which tarfile takes for the end
    path.write_bytes(whole[:at] + bytes([whole[at] ^ 0xFF]) + whole[at + 1 :])
    with fails(str(path), "damaged", str(at)):
        load_images(path)


def test_a_zip_member_with_a_wrong_checksum_is_named(tmp_path: Path) -> None:
    path = tmp_path / "images.zip"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_STORED) as archive:
        for name, content in class_folders().items():
            archive.writestr(name, content)
    pixels = class_folders()["test/cat/a.png"]
    content = path.read_bytes()
    at = content.rindex(pixels) + len(pixels) // 2
    path.write_bytes(content[:at] + bytes([content[at] ^ 0xFF]) + content[at + 1 :])
    with fails(f"{path}!test/cat/a.png", "cannot be read"):
        load_images(path)


def test_an_encrypted_zip_is_refused(tmp_path: Path) -> None:
    path = as_zip(class_folders(), tmp_path / "images.zip")
    content = bytearray(path.read_bytes())
    # The flag that marks a member as encrypted, here of the first entry of the directory.
    content[content.index(b"PK\x01\x02") + 8] |= 1
    content[content.index(b"PK\x03\x04") + 6] |= 1
    path.write_bytes(content)
    with fails(f"{path}!train/cat/b.png", "cannot be read", "password"):
        load_images(path)


def test_paths_that_hold_no_archive(tmp_path: Path) -> None:
    with fails(str(tmp_path / "missing"), "found no such folder or archive"):
        load_images(tmp_path / "missing")
    (tmp_path / "text.zip").write_text("not an archive")
    with fails(str(tmp_path / "text.zip"), "expected a folder or a whole zip or tar archive"):
        load_images(tmp_path / "text.zip")


# Sources: npz -------------------------------------------------------------------------------------


def arrays(**changed: Any) -> dict[str, Any]:
    dataset = toy()
    content = {
        "train_images": dataset.train_images,
        "train_labels": dataset.train_labels,
        "test_images": dataset.test_images,
        "test_labels": dataset.test_labels,
    }
    return {key: value for key, value in (content | changed).items() if value is not None}


def load_npz(path: Path, **changed: Any) -> Dataset:
    np.savez_compressed(path, **arrays(**changed))
    return load("npz", path=path)


@pytest.mark.parametrize("shape", ["NHW", "NHWC", "NCHW"])
@pytest.mark.parametrize("channels", [1, 3])
def test_npz_layouts(shape: str, channels: int, tmp_path: Path) -> None:
    pixels = np.random.default_rng(0).integers(0, 256, (12, channels, 4, 5), dtype=np.uint8)
    if shape == "NHW":
        pixels = pixels[:, :1]
        stored = pixels[:, 0]
    else:
        stored = pixels.transpose(0, 2, 3, 1) if shape == "NHWC" else pixels
    dataset = load_npz(tmp_path / "a.npz", train_images=stored, test_images=stored[:6])
    assert np.array_equal(dataset.train_images, pixels)
    assert dataset.train_images.flags.c_contiguous
    assert np.array_equal(dataset.test_images, pixels[:6])
    assert dataset.class_names == ("0", "1", "2")


@pytest.mark.parametrize("dtype", [np.float16, np.float32, np.float64])
def test_npz_floats_are_scaled_without_loss(dtype: type, tmp_path: Path) -> None:
    images = toy().train_images
    dataset = load_npz(tmp_path / "a.npz", train_images=(images / 255).astype(dtype))
    assert np.array_equal(dataset.train_images, images)


@pytest.mark.parametrize(
    ("texts", "dtype", "shape"), [(str, "u1", (-1,)), (bytes, "<u8", (-1, 1)), (str, ">i4", (-1,))]
)
def test_npz_class_names_and_other_label_types(
    texts: type, dtype: str, shape: tuple[int, ...], tmp_path: Path
) -> None:
    names = np.array([*"xyz"]).astype(texts)
    labels = toy().train_labels.astype(dtype).reshape(shape)
    dataset = load_npz(tmp_path / "a.npz", train_labels=labels, class_names=names)
    assert dataset.class_names == ("x", "y", "z")
    assert dataset.train_labels.dtype == np.int64
    assert np.array_equal(dataset.train_labels, toy().train_labels)


@pytest.mark.parametrize(
    ("changed", "said"),
    [
        ({"test_labels": None}, ("test_labels", "no such array", "train_images")),
        ({"train_images": np.zeros((12, 20), np.uint8)}, ("train_images", "(12, 20)", "N x H x W")),
        ({"train_images": np.zeros((12, 4, 5, 2), np.uint8)}, ("train_images", "(12, 4, 5, 2)")),
        ({"train_images": np.zeros((12, 1, 5, 3), np.uint8)}, ("train_images", "which axis")),
        ({"train_images": np.zeros((12, 4, 5), np.int32)}, ("train_images", "int32", "uint8")),
        ({"train_images": np.full((12, 4, 5), np.nan)}, ("train_images", "finite")),
        ({"train_images": np.full((12, 4, 5), np.inf)}, ("train_images", "finite")),
        (
            {"train_images": np.full((12, 4, 5), 2.0)},
            ("train_images", "from 2 to 2", "divide by 255"),
        ),
        ({"train_images": np.full((12, 4, 5), -0.5)}, ("train_images", "-0.5", "(x + 1) / 2")),
        ({"train_labels": np.zeros((12, 2), int)}, ("train_labels", "(12, 2)", "(N,)")),
        ({"train_labels": np.zeros(12)}, ("train_labels", "float64", "integers")),
        ({"train_labels": np.arange(11) % 3}, ("train labels", "found int64 of shape (11,)", "12")),
        ({"train_labels": np.full(12, 10**15)}, ("train labels", f"found {10**15}")),
        ({"train_labels": np.full(12, -1)}, ("found 0 classes", "at least two")),
        ({"class_names": np.array([["a", "b", "c"]])}, ("class_names", "(1, 3)", "shape K")),
        ({"class_names": np.array([0.5, 1, 2])}, ("class_names", "float64", "strings")),
        ({"train_images": np.array([{}], dtype=object)}, ("train_images", "cannot be read")),
    ],
)
def test_npz_arrays_that_do_not_fit(
    changed: dict[str, Any], said: tuple[str, ...], tmp_path: Path
) -> None:
    path = tmp_path / "a.npz"
    with fails(str(path), *said):
        load_npz(path, **changed)


def test_damaged_npz(tmp_path: Path) -> None:
    path = tmp_path / "a.npz"
    with fails(str(path), "no readable npz archive"):
        load("npz", path=path)
    for content in (b"", b"text", b"\x80\x04N.", b"MATLAB 5.0 MAT-file"):
        path.write_bytes(content)
        with fails(str(path), "no readable npz archive"):
            load("npz", path=path)
    np.save(tmp_path / "a.npy", np.zeros(3))
    with fails("a.npy", "one array"):
        load("npz", path=tmp_path / "a.npy")
    np.savez(path, **arrays())
    whole = path.read_bytes()
    path.write_bytes(whole[: len(whole) // 2])
    with fails(str(path), "no readable npz archive"):
        load("npz", path=path)
    at = whole.index(toy().train_images.tobytes())
    path.write_bytes(whole[:at] + bytes([whole[at] ^ 0xFF]) + whole[at + 1 :])
    with fails(f"{path}, train_images", "cannot be read"):
        load("npz", path=path)


# Settings and subsets -----------------------------------------------------------------------------


def test_unknown_sources_names_and_settings() -> None:
    with fails("data.sources: found 'sklaern'", "image_folder, npz, ", "sklearn, torchvision"):
        load("sklaern")
    with fails("sklearn dataset 'digit'", "digits"):
        load("sklearn", name="digit")
    with fails("torchvision.datasets: found no dataset 'mnist'"):
        load("torchvision", name="mnist", root="nowhere")
    with fails("dataset source torchvision", "'root'", "it takes name, root, arguments"):
        load("torchvision", name="MNIST")
    with fails("dataset source npz", "'file'", "it takes path"):
        load("npz", path="a.npz", file="b.npz")


def test_a_subset_has_equal_parts_of_every_class() -> None:
    dataset = load("sklearn", subset={"train": 203})
    assert len(dataset.train_labels) == 203
    assert sorted(np.bincount(dataset.train_labels)) == [20] * 7 + [21] * 3
    assert len(dataset.test_labels) == 360
    assert dataset.source.endswith("subset of 203 train")
    again = load("sklearn", subset={"train": 203})
    assert datasets.checksum(again) == datasets.checksum(dataset)


def test_a_small_class_is_taken_whole_and_others_make_up_for_it(tmp_path: Path) -> None:
    labels = np.repeat([0, 1, 2], [2, 10, 10])
    images = np.arange(22, dtype=np.uint8)[:, None, None] * np.ones((4, 5), np.uint8)
    np.savez(tmp_path / "a.npz", **arrays(train_labels=labels, train_images=images))
    settings: dict[str, Any] = {"source": "npz", "path": tmp_path / "a.npz"}
    small = load(**settings, subset={"train": 12})
    large = load(**settings, subset={"train": 18})
    assert np.bincount(small.train_labels).tolist() == [2, 5, 5]
    # Images keep their labels and their order; a smaller subset is part of a larger one.
    kept = small.train_images[:, 0, 0, 0]
    assert np.array_equal(labels[kept], small.train_labels)
    assert (np.diff(kept.astype(int)) > 0).all()
    assert set(kept) < set(large.train_images[:, 0, 0, 0])


@pytest.mark.parametrize(
    ("subset", "said"),
    [
        ({"train": 1438}, ("subset.train: found 1438", "1 to 1437")),
        ({"test": 361}, ("subset.test: found 361", "1 to 360")),
        ({"train": 0}, ("subset.train: found 0",)),
        ({"train": 0.5}, ("subset.train: found 0.5", "whole number")),
        ({"validation": 5}, ("subset key 'validation'", "test, train")),
        ({"train": 9}, ("found no training image of 1 classes", "each of 10 classes")),
    ],
)
def test_impossible_subsets(subset: dict[str, Any], said: tuple[str, ...]) -> None:
    with fails(*said):
        load("sklearn", subset=subset)


# Checks -------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("changed", "said"),
    [
        ({"class_names": ("a",)}, ("found 1 classes", "at least two")),
        ({"class_names": ("a", "b", "a")}, ("class name", "'a'", "more than once")),
        ({"train_images": np.zeros((12, 4, 5), np.uint8)}, ("train images", "(12, 4, 5)")),
        ({"train_images": np.zeros((12, 1, 4, 5))}, ("train images: found float64", "uint8")),
        ({"test_images": np.zeros((6, 2, 4, 5), np.uint8)}, ("test images", "(6, 2, 4, 5)")),
        ({"test_images": np.zeros((6, 1, 5, 5), np.uint8)}, ("(1, 4, 5)", "(1, 5, 5)")),
        ({"test_images": np.zeros((5, 1, 4, 5), np.uint8)}, ("test labels", "(6,)", "5")),
        ({"train_labels": np.zeros(12, np.int32)}, ("train labels: found int32",)),
        ({"test_labels": np.arange(6) % 4}, ("test labels: found 0..3", "0..2")),
        ({"test_labels": np.arange(6) % 3 - 1}, ("test labels: found -1..1",)),
        (
            {"train_labels": np.arange(12) % 2},
            ("no training image of 1 classes", "'c'", "each of 3"),
        ),
        (
            {"test_images": np.zeros((0, 1, 4, 5), np.uint8), "test_labels": np.zeros(0, int)},
            ("test images", "(0, 1, 4, 5)"),
        ),
    ],
)
def test_datasets_that_do_not_pass(changed: dict[str, Any], said: tuple[str, ...]) -> None:
    with fails("toy: ", *said):
        datasets.check(replace(toy(), **changed))


def test_stated_sizes() -> None:
    datasets.check(replace(toy(), test_labels=np.zeros(6, dtype=np.int64)))  # no image of a class
    stated: dict[str, Any] = {"train": 12, "test": 6, "shape": (1, 4, 5), "classes": 3}
    datasets.check_size(toy(), stated)
    datasets.check_size(toy(), {})
    for key, wrong, found in (
        ("train", 60000, "12"),
        ("test", 7, "6"),
        ("shape", [3, 4, 5], "[1, 4, 5]"),
        ("classes", 10, "3"),
    ):
        with fails(f"size.{key} is stated as {wrong}; found {found}"):
            datasets.check_size(toy(), stated | {key: wrong})
    with fails("size key 'trian'", "classes, shape, test, train"):
        datasets.check_size(toy(), {"trian": 12})


# The prepared file --------------------------------------------------------------------------------


def test_what_is_written_is_read_again(tmp_path: Path) -> None:
    dataset = replace(toy(), class_names=("ä", "b, c", '"d"'))
    datasets.write(dataset, tmp_path / "toy.h5")
    for split in ("train", "test"):
        images, labels = datasets.read_split(tmp_path / "toy.h5", split)
        assert np.array_equal(datasets.read_labels(tmp_path / "toy.h5", split), labels)
        assert (images.dtype, labels.dtype) == (np.uint8, np.int64)
        assert np.array_equal(images, dataset.split(split)[0])
        assert np.array_equal(labels, dataset.split(split)[1])
    attributes = datasets.read_attributes(tmp_path / "toy.h5")
    assert attributes == {
        "class_names": dataset.class_names,
        "source": "toy",
        "sha256": datasets.checksum(dataset),
    }
    datasets.write(dataset, tmp_path / "again.h5")
    assert (tmp_path / "again.h5").read_bytes() == (tmp_path / "toy.h5").read_bytes()
    with h5py.File(tmp_path / "toy.h5") as file:
        assert file["train/images"].chunks is None
        assert json.loads(file.attrs["class_names"]) == list(dataset.class_names)


def test_the_checksum_is_the_documented_hash_and_notices_every_change() -> None:
    dataset = toy()
    text = b""
    for array in (
        dataset.train_images,
        dataset.train_labels,
        dataset.test_images,
        dataset.test_labels,
    ):
        text += f"{array.dtype.str} {array.shape}\n".encode() + array.tobytes()
    assert datasets.checksum(dataset) == hashlib.sha256(text).hexdigest()
    labels = dataset.test_labels.copy()
    labels[0] += 1
    reshaped = dataset.train_images.reshape(12, 1, 5, 4)
    changed = [replace(dataset, test_labels=labels), replace(dataset, train_images=reshaped)]
    assert len({datasets.checksum(each) for each in (dataset, *changed)}) == 3


def test_damaged_prepared_files_are_named(tmp_path: Path) -> None:
    path = tmp_path / "toy.h5"
    with fails(str(path), "no readable prepared dataset"):
        datasets.read_split(path, "train")
    datasets.write(toy(), path)
    whole = path.read_bytes()
    for content in (whole[:-1], whole[:100], b"text"):
        path.write_bytes(content)
        with fails(str(path), "no readable prepared dataset"):
            datasets.read_split(path, "train")
        with fails(str(path), "no readable prepared dataset"):
            datasets.read_attributes(path)
    with h5py.File(path, "w"):
        pass
    with fails(str(path), "no readable prepared dataset"):
        datasets.read_split(path, "test")
    with fails(str(path), "no readable prepared dataset"):
        datasets.read_attributes(path)


# The sample grid ----------------------------------------------------------------------------------


def blocks(path: Path, colour: tuple[int, int, int]) -> int:
    """Number of separate areas of one colour in a picture."""
    from scipy.ndimage import label

    with Image.open(path) as picture:
        pixels = np.asarray(picture.convert("RGB"))
    return int(label((pixels == colour).all(axis=-1))[1])


def coloured(counts: list[int]) -> Dataset:
    """Class 0 is red, class 1 green and all others blue."""
    colours = np.array([RED, GREEN] + [BLUE] * len(counts), dtype=np.uint8)
    labels = np.repeat(np.arange(len(counts)), counts)
    images = colours[labels][:, :, None, None] * np.ones((6, 9), np.uint8)
    # Names that would be no valid formula, if they were read as one.
    names = tuple(rf"$\no{index}$" for index in range(len(counts)))
    return Dataset(images, labels, images, labels, names, "colours")


def test_the_grid_has_a_row_of_ten_images_for_each_class(tmp_path: Path) -> None:
    draw_samples(coloured([25, 4]), tmp_path / "grid.png")
    assert blocks(tmp_path / "grid.png", RED) == 10
    assert blocks(tmp_path / "grid.png", GREEN) == 4
    draw_samples(coloured([1] * 13), tmp_path / "grid.png")  # ten classes at most
    assert (blocks(tmp_path / "grid.png", RED), blocks(tmp_path / "grid.png", BLUE)) == (1, 8)


def test_the_grid_shows_pixels_as_they_are(tmp_path: Path) -> None:
    """Chequered images stay red and green, without mixtures; mid-grey ones stay mid-grey."""
    dataset = coloured([1, 1])
    chequered = np.indices((6, 9)).sum(axis=0) % 2
    images = np.stack([255 * chequered, 255 * (1 - chequered), 0 * chequered]).astype(np.uint8)
    draw_samples(replace(dataset, train_images=images[None][[0, 0]]), tmp_path / "a.png")
    with Image.open(tmp_path / "a.png") as picture:
        red, green, blue = np.moveaxis(np.asarray(picture.convert("RGB")), -1, 0)
    assert not ((blue == 0) & (red > 0) & (green > 0)).any()

    grey = np.full((3, 1, 4, 5), 100, dtype=np.uint8)
    draw_samples(replace(toy(n_train=3), train_images=grey), tmp_path / "b.png")
    assert blocks(tmp_path / "b.png", (100, 100, 100)) == 3


# Real data ----------------------------------------------------------------------------------------


def test_real_mnist(shared_data: Path) -> None:
    dataset = load("torchvision", name="MNIST", root=shared_data, download=False)
    datasets.check_size(
        dataset, {"train": 60000, "test": 10000, "shape": [1, 28, 28], "classes": 10}
    )
    assert dataset.train_labels[:10].tolist() == [5, 0, 4, 1, 9, 2, 1, 3, 1, 4]
    assert np.bincount(dataset.test_labels)[0] == 980
    # The mean grey value that is known of the training images.
    assert dataset.train_images.mean() / 255 == pytest.approx(0.1307, abs=5e-5)


@pytest.mark.slow
def test_real_cifar_from_its_archive(shared_data: Path) -> None:
    path = shared_data / "cifar10-jpeg.tar"
    dataset = load("image_folder", path=path, image_size=32)
    datasets.check_size(
        dataset, {"train": 50000, "test": 10000, "shape": [3, 32, 32], "classes": 10}
    )
    assert np.bincount(dataset.train_labels).tolist() == [5000] * 10
    # The channel means that are known of CIFAR-10, but for JPEG's losses.
    means = dataset.train_images.mean(axis=(0, 2, 3)) / 255
    assert means == pytest.approx([0.4914, 0.4822, 0.4465], abs=2e-3)
