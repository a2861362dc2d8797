"""Class folders as people have them: other endings, links, strange archives, damaged metadata."""

import io
import os
import stat
import struct
import tarfile
import zipfile
import zlib
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from latentgen.content import digest_of
from latentgen.data.class_folders import read_class_folders
from latentgen.data.image_files import ENDINGS, read_upright
from latentgen.errors import PipelineError

CLASSES = ("cat", "dog", "emu")


def picture(index: int) -> Image.Image:
    return Image.new("RGB", (8, 8), (20 * index, 10, 10))


def pets(folder: Path) -> Path:
    """Three classes with two images each, and the same for tests."""
    for split in ("train", "test"):
        for i, name in enumerate(CLASSES):
            (folder / split / name).mkdir(parents=True)
            for j in range(2):
                picture(2 * i + j).save(folder / split / name / f"{j}.png")
    return folder


def read(path: Path) -> tuple[tuple[str, ...], list[int]]:
    """Class names, and the number of training images of each class."""
    names, ((_, labels, _), _) = read_class_folders(path, "train", "test", (8, 8), False)
    return names, np.bincount(labels, minlength=len(names)).tolist()


ALL = (CLASSES, [2, 2, 2])


@pytest.mark.parametrize("ending", [".png", ".JFIF", ".jp2", ".tif", ".webp", ".pgm", ".gif"])
def test_a_class_of_any_ending_that_pillow_has(tmp_path: Path, ending: str) -> None:
    assert ending.lower() in ENDINGS
    folder = pets(tmp_path / "pets")
    for file in sorted((folder / "train/cat").iterdir()):
        picture(1).save(file.with_suffix(ending))
        if ending != ".png":
            file.unlink()
    assert read(folder) == ALL


def test_what_is_not_read_is_counted_and_named(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = pets(tmp_path / "pets")
    cat = folder / "train/cat"
    (cat / "a.heic").write_bytes(b"?")
    (cat / "deeper").mkdir()
    (cat / "deeper/noending").write_bytes(b"?")
    (cat / ".hidden.png").write_bytes(b"?")
    (cat / "gone.png").symlink_to(tmp_path / "nowhere.png")
    for litter in (".DS_Store", "._0.png", "Thumbs.db"):
        (cat / litter).write_bytes(b"?")
    assert read(folder) == ALL
    (line,) = capsys.readouterr().out.splitlines()
    assert line == (
        f"warning: {folder}/train/: not read: 4 files or folders: "
        "cat/a.heic (not named as an image), cat/deeper/noending (not named as an image), "
        "cat/.hidden.png (hidden), cat/gone.png (a link to nothing)"
    )


@pytest.mark.parametrize(
    ("split", "kind"),
    [("train", "other endings"), ("test", "hidden"), ("train", "links to nothing")],
)
def test_a_class_that_would_vanish_is_an_error(tmp_path: Path, split: str, kind: str) -> None:
    folder = pets(tmp_path / "pets")
    for file in sorted((folder / split / "emu").iterdir()):
        if kind == "other endings":
            file.rename(file.with_suffix(".heic"))
        elif kind == "hidden":
            file.rename(file.with_name(f".{file.name}"))
        else:
            file.unlink()
            file.symlink_to(tmp_path / "nowhere.png")
    with pytest.raises(PipelineError, match=f"{split}/emu: a class folder without an image"):
        read(folder)


def test_an_empty_class_folder_is_an_error_where_there_is_to_be_trained(tmp_path: Path) -> None:
    folder = pets(tmp_path / "pets")
    (folder / "test/fox").mkdir()
    assert read(folder) == ALL
    (folder / "train/fox").mkdir()
    with pytest.raises(PipelineError, match=r"train/fox: a class folder without .*found nothing"):
        read(folder)


def test_class_folders_may_be_links_but_no_two_to_the_same(tmp_path: Path) -> None:
    folder = pets(tmp_path / "pets")
    (folder / "train/emu").rename(tmp_path / "emus")
    (folder / "train/emu").symlink_to(tmp_path / "emus")
    assert read(folder) == ALL
    (folder / "train/ostrich").symlink_to(tmp_path / "emus")
    with pytest.raises(PipelineError, match=r"train/ostrich: .*: the same folder as emu"):
        read(folder)
    (folder / "train/ostrich").unlink()
    (folder / "train/fox").symlink_to(tmp_path / "nowhere")
    with pytest.raises(PipelineError, match=r"train/fox: .*: a link to nothing"):
        read(folder)


def test_loops_add_no_class_and_no_image(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = pets(tmp_path / "pets")
    (folder / "train/train").symlink_to(".")
    (folder / "train/cat/up").symlink_to("..")
    (folder / "train/dog/up").symlink_to("../..")
    (folder / "train/dog/other").symlink_to("../emu")
    assert read(folder) == ALL
    said = capsys.readouterr().out
    assert "not read: 4 files or folders" in said
    assert "dog/other (the same folder as emu)" in said


def tar_with(folder: Path, path: Path, *links: tuple[str, bytes, str]) -> Path:
    with tarfile.open(path, "w:gz" if path.suffix == ".gz" else "w") as archive:
        archive.add(folder, arcname="pets")
        for name, kind, target in links:
            member = tarfile.TarInfo(f"pets/train/{name}")
            member.type, member.linkname = kind, target
            archive.addfile(member)
    return path


def test_links_in_a_tar_are_its_other_files(tmp_path: Path) -> None:
    folder = pets(tmp_path / "pets")
    os.link(folder / "train/cat/0.png", folder / "train/cat/2.png")
    (folder / "train/dog/2.png").symlink_to("0.png")
    (folder / "train/dog/3.png").symlink_to("2.png")
    (folder / "train/emu/2.png").symlink_to("../../test/emu/0.png")
    assert read(folder) == read(tar_with(folder, tmp_path / "a.tar.gz")) == (CLASSES, [3, 4, 3])


@pytest.mark.parametrize(
    ("kind", "target"),
    [
        (tarfile.SYMTYPE, "/etc/passwd"),
        (tarfile.SYMTYPE, "../../../../etc/passwd"),
        (tarfile.LNKTYPE, "/etc/passwd"),
        (tarfile.FIFOTYPE, ""),
        (tarfile.SYMTYPE, "link.png"),
    ],
)
def test_links_out_of_an_archive_or_to_no_file_and_special_files_are_named(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], kind: bytes, target: str
) -> None:
    path = tar_with(pets(tmp_path / "pets"), tmp_path / "a.tar", ("cat/link.png", kind, target))
    assert read(path) == ALL
    assert "cat/link.png (" in capsys.readouterr().out


@pytest.mark.parametrize("packed", [False, True])
def test_classes_and_files_whose_names_are_no_text(tmp_path: Path, packed: bool) -> None:
    folder = pets(tmp_path / "pets")
    for split in ("train", "test"):
        (folder / split / "cat").rename(folder / split / os.fsdecode(b"caf\xe9"))
    place = tar_with(folder, tmp_path / "pets.tar") if packed else folder
    names, (training, _) = read_class_folders(place, "train", "test", (8, 8), False)
    assert names == (r"caf\xe9", "dog", "emu")
    assert training.names[:2] == (r"train/caf\xe9/0.png", r"train/caf\xe9/1.png")
    assert digest_of(place)


def test_letters_that_macos_writes_in_its_own_way_name_the_same_class(tmp_path: Path) -> None:
    folder = pets(tmp_path / "pets")
    (folder / "train" / "cat").rename(folder / "train" / "cafe\u0301")
    (folder / "test" / "cat").rename(folder / "test" / "caf\u00e9")
    assert read(folder) == (("caf\u00e9", "dog", "emu"), [2, 2, 2])


def zip_of(folder: Path, path: Path, separator: str, system: int) -> Path:
    with zipfile.ZipFile(path, "w") as archive:
        for file in sorted(folder.rglob("*")):
            name = separator.join(["pets", *file.relative_to(folder).parts])
            member = zipfile.ZipInfo(name + separator * file.is_dir())
            # Names are written as they are only if they are put there afterwards.
            member.filename = name + separator * file.is_dir()
            member.create_system = system
            archive.writestr(member, b"" if file.is_dir() else file.read_bytes())
    return path


@pytest.mark.parametrize(("separator", "system"), [("/", 3), ("\\", 0)])
def test_a_zip_made_on_windows(tmp_path: Path, separator: str, system: int) -> None:
    folder = pets(tmp_path / "pets")
    assert read(zip_of(folder, tmp_path / "a.zip", separator, system)) == ALL


@pytest.mark.parametrize(
    "name", ["..\\..\\evil.png", "pets\\..\\..\\..\\evil.png", "C:\\pets\\evil.png", "\\evil.png"]
)
def test_windows_names_that_point_out_of_an_archive_are_refused(tmp_path: Path, name: str) -> None:
    path = zip_of(pets(tmp_path / "pets"), tmp_path / "a.zip", "\\", 0)
    with zipfile.ZipFile(path, "a") as archive:
        member = zipfile.ZipInfo("x")
        member.filename = name
        archive.writestr(member, b"")
    with pytest.raises(PipelineError, match="points out of the archive"):
        read(path)


def test_links_in_a_zip_are_its_other_files(tmp_path: Path) -> None:
    path = zip_of(pets(tmp_path / "pets"), tmp_path / "a.zip", "/", 3)
    with zipfile.ZipFile(path, "a") as archive:
        link = zipfile.ZipInfo("pets/train/cat/2.png")
        link.external_attr = (stat.S_IFLNK | 0o777) << 16
        archive.writestr(link, "../dog/0.png")
        outwards = zipfile.ZipInfo("pets/train/cat/3.png")
        outwards.external_attr = link.external_attr
        archive.writestr(outwards, "/etc/passwd")
    assert read(path) == (CLASSES, [3, 2, 2])


def test_annotations_written_on_windows(tmp_path: Path) -> None:
    mark, end = b"\xef\xbb\xbf", "\r\n"
    folder = pets(tmp_path / "pets")
    (folder / "val/images").mkdir(parents=True)
    lines = []
    for i, name in enumerate(CLASSES):
        picture(i).save(folder / f"val/images/{i}.png")
        lines.append(f"{i}.png\t{name}{end}")
    (folder / "val/val_annotations.txt").write_bytes(mark + "".join(lines).encode())
    _, (_, (_, labels, _)) = read_class_folders(folder, "train", "val", (8, 8), False)
    assert labels.tolist() == [0, 1, 2]


# Metadata -----------------------------------------------------------------------------------------

NOISE = np.random.default_rng(0).integers(0, 255, (8, 6, 3), dtype=np.uint8)


def encoded(kind: str, **options: object) -> bytes:
    buffer = io.BytesIO()
    Image.fromarray(NOISE).save(buffer, kind, **options)
    return buffer.getvalue()


def with_exif(entries: bytes, n: int) -> bytes:
    """A JPEG file with these entries of EXIF."""
    body = b"Exif\0\0II*\0\x08\0\0\0" + struct.pack("<H", n) + entries + b"\0\0\0\0" + b"\xff" * 8
    whole = encoded("JPEG")
    return whole[:2] + b"\xff\xe1" + struct.pack(">H", len(body) + 2) + body + whole[2:]


def entry(tag: int, kind: int, count: int, value: bytes) -> bytes:
    return struct.pack("<HHI", tag, kind, count) + value


ON_ITS_SIDE = entry(0x0112, 3, 1, b"\x06\0\0\0")
BAD_RATIONAL = entry(0x011A, 10, 1, b"\x26\0\0\0")
BAD_OFFSET = entry(0x011A, 5, 1, b"\xff\xff\xff\x7f")
BAD_FOLDER = entry(0x8769, 4, 1, b"\xff\xff\xff\x7f")
BAD_ORIENTATION = entry(0x0112, 2, 4, b"six\0")


@pytest.mark.parametrize("bad", [BAD_RATIONAL, BAD_OFFSET, BAD_FOLDER])
def test_damaged_exif_turns_an_image_all_the_same(tmp_path: Path, bad: bytes) -> None:
    (tmp_path / "a.jpg").write_bytes(with_exif(ON_ITS_SIDE + bad, 2))
    (tmp_path / "plain.jpg").write_bytes(encoded("JPEG"))
    turned = np.rot90(read_upright(tmp_path / "plain.jpg"), -1)
    assert np.array_equal(read_upright(tmp_path / "a.jpg"), turned)


@pytest.mark.parametrize("value", [BAD_ORIENTATION, entry(0x0112, 3, 1, b"\x63\0\0\0")])
def test_an_orientation_that_is_none_turns_nothing(tmp_path: Path, value: bytes) -> None:
    (tmp_path / "a.jpg").write_bytes(with_exif(value, 1))
    (tmp_path / "plain.jpg").write_bytes(encoded("JPEG"))
    assert np.array_equal(read_upright(tmp_path / "a.jpg"), read_upright(tmp_path / "plain.jpg"))


def chunk(kind: bytes, body: bytes, damage: int = 0) -> bytes:
    check = zlib.crc32(kind + body) ^ damage
    return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", check)


LARGE = b"x\0\0" + zlib.compress(bytes(2_000_000))


@pytest.mark.parametrize(
    "more",
    [
        chunk(b"iCCP", LARGE),
        chunk(b"zTXt", LARGE),
        chunk(b"iTXt", b"x\0\1\0\0\0" + zlib.compress(bytes(2_000_000))),
        chunk(b"tEXt", b"a\0b", damage=1),
        chunk(b"tEXt", b"a\0b" * 1_000_000),
        chunk(b"eXIf", b"II*\0\xff\xff\xff\xff"),
        chunk(b"eXIf", b"no exif", damage=1),
        chunk(b"pHYs", b"short"),
        chunk(b"gAMA", b""),
    ],
    ids=["profile", "ztxt", "itxt", "crc", "long", "exif", "exif-crc", "phys", "gamma"],
)
@pytest.mark.parametrize("before", [b"IDAT", b"IEND"])
def test_no_text_or_profile_of_a_png_stops_it(tmp_path: Path, more: bytes, before: bytes) -> None:
    whole = encoded("PNG")
    start = whole.index(before) - 4
    (tmp_path / "a.png").write_bytes(whole[:start] + more + whole[start:])
    assert np.array_equal(read_upright(tmp_path / "a.png"), NOISE)


@pytest.mark.parametrize("kind", [b"IHDR", b"IDAT", b"tRNS"])
def test_damage_of_what_pixels_are_made_of_is_still_damage(tmp_path: Path, kind: bytes) -> None:
    whole = bytearray(encoded("PNG", transparency=(1, 2, 3)))
    start = whole.index(kind)
    length = int.from_bytes(whole[start - 4 : start], "big")
    whole[start + 3 + length] ^= 255  # the last byte of its content
    (tmp_path / "a.png").write_bytes(whole)
    with pytest.raises(PipelineError, match=r"a\.png: (a damaged image|not an image)"):
        read_upright(tmp_path / "a.png")


@pytest.mark.parametrize(("kind", "orientation"), [("PNG", 3), ("JPEG", 8), ("TIFF", 5)])
def test_every_orientation_as_pillow_itself_has_it(
    tmp_path: Path, kind: str, orientation: int
) -> None:
    from PIL import ImageOps

    exif = Image.Exif()
    exif[0x0112] = orientation
    (tmp_path / "a").write_bytes(encoded(kind, exif=exif))
    with Image.open(tmp_path / "a") as opened:
        expected = np.asarray(ImageOps.exif_transpose(opened).convert("RGB"))
    assert np.array_equal(read_upright(tmp_path / "a"), expected)
