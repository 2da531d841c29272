"""Flash images: from the manifest, on the host and on the VM, both ways."""

import os
import random
import shutil
from pathlib import Path

import pytest
from gridecho_board import Board
from gridecho_flash import manifest
from gridecho_flash.image import (
    ImageError,
    build_image,
    change_image,
    compile_mpy,
    firmware_files,
    locked,
    read_file,
    read_image,
)
from gridecho_flash.manifest import ManifestError, board_files, firmware_root, read_list


def test_every_file_of_lib_is_for_the_board_or_said_to_be_for_the_host() -> None:
    root = firmware_root()
    there = {str(path.relative_to(root)) for path in (root / "lib").rglob("*.py")} | {"boot.py", "main.py"}
    listed = read_list(root, "FILES") + read_list(root, "HOST_ONLY")
    assert sorted(listed) == sorted(there)
    assert len(listed) == len(set(listed))


def test_host_only_modules_and_caches_stay_away_from_the_board() -> None:
    paths = set(firmware_files())
    assert {"boot.py", "main.py", "lib/gridecho/siv.mpy"} <= paths
    assert not {"lib/gridecho/crypto_host.mpy", "lib/gridecho/batch.mpy", "manifest.py"} & paths
    assert not any("__pycache__" in path for path in paths)
    sources = firmware_files(bytecode=False)
    assert sources["lib/gridecho/siv.py"] == (firmware_root() / "lib/gridecho/siv.py").read_bytes()
    assert len(sources) == len(paths) == len(board_files())


def test_an_installed_wheel_finds_the_firmware_too(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    checkout = firmware_root()
    packages = tmp_path / "lib" / "python3" / "site-packages"
    shutil.copytree(checkout / "lib", packages)
    share = tmp_path / "share" / "gridecho" / "firmware"
    share.mkdir(parents=True)
    for name in ("boot.py", "main.py", "manifest.py"):
        shutil.copy(checkout / name, share)
    before = firmware_files()
    monkeypatch.setattr(manifest, "_package_dir", lambda package: packages / package)
    assert firmware_root() == share
    assert all(entry.host_path.is_relative_to(tmp_path) for entry in board_files())
    assert firmware_files() == before
    shutil.rmtree(share)
    with pytest.raises(ManifestError, match="install gridecho again"):
        board_files()


@pytest.mark.parametrize("text", ["FILES = [name for name in ()]", "FILES = 3", "OTHER = []"])
def test_a_manifest_is_data(tmp_path: Path, text: str) -> None:
    (tmp_path / "manifest.py").write_text(text)
    with pytest.raises(ManifestError, match=r"manifest\.py"):
        read_list(tmp_path, "FILES")


def test_what_is_written_is_read(tmp_path: Path) -> None:
    image = tmp_path / "board.img"
    draw = random.Random(2)
    files = {f"a/{n}/{n}.bin": draw.randbytes(n * 997) for n in range(40)} | {"empty": b"", "ä": b"name"}
    build_image(image, files)
    assert image.stat().st_size == 2 * 1024 * 1024
    assert image.stat().st_mode & 0o777 == 0o600
    assert read_image(image) == files
    change_image(image, {"empty": None, "a/3/3.bin": b"new", "b/c": b"x"})
    assert (read_file(image, "empty"), read_file(image, "a/3/3.bin"), read_file(image, "b/c")) == (None, b"new", b"x")
    with pytest.raises(FileNotFoundError):
        change_image(image, {"never was": None})
    assert sorted(os.listdir(tmp_path)) == ["board.img"]


def test_what_cannot_be_is_said(tmp_path: Path) -> None:
    image = tmp_path / "board.img"
    with pytest.raises(ImageError, match="do not fit"):
        build_image(image, {"big": b"x" * 100_000}, 64 * 1024)
    assert not image.exists()
    with pytest.raises(ImageError, match="multiple of 4096"):
        build_image(image, {}, 5000)
    with pytest.raises(ImageError, match="cannot be read"):
        read_image(image)
    image.write_bytes(b"junk" * 1024)
    with pytest.raises(ImageError, match="not a littlefs2 image"):
        read_image(image)
    with pytest.raises(ImageError, match=r"lib/x\.py does not compile"):
        compile_mpy(b"def (:", "lib/x.py")
    with locked(image), pytest.raises(ImageError, match="a board runs on it"):
        change_image(image, {})


MAIN = """
import os
def walk(folder):
    for name, kind, *_ in os.ilistdir(folder or "/"):
        path = folder + "/" + name
        if kind == 0x4000:
            yield from walk(path)
        else:
            yield path
total = 0
for path in walk("/data"):
    with open(path, "rb") as file:
        total += sum(file.read())
print("sum", total)
os.remove("data/1/1.bin")
os.mkdir("new")
for n in range(30):
    with open("new/%d" % n, "wb") as file:
        file.write(bytes(range(n)) * 50)
os.rename("new/0", "data/moved")
print("written")
"""


def test_host_and_vm_read_what_the_other_wrote(tmp_path: Path, vm: None) -> None:
    image = tmp_path / "board.img"
    draw = random.Random(3)
    data = {f"data/{n}/{n}.bin": draw.randbytes(n * 400) for n in range(20)}
    build_image(image, {"main.py": MAIN.encode(), **data}, 512 * 1024)
    with Board(image, runtime="micropython") as board:
        assert board.wait_line("sum") == f"sum {sum(map(sum, data.values()))}"
        board.wait_line("written")
        with pytest.raises(ImageError, match="a board runs on it"):
            change_image(image, {})
    del data["data/1/1.bin"]
    written = {f"new/{n}": bytes(range(n)) * 50 for n in range(1, 30)}
    assert read_image(image) == {"main.py": MAIN.encode(), "data/moved": b"", **data, **written}
    change_image(
        image,
        {"main.py": b"print(open('new/7','rb').read() == bytes(range(7)) * 50, open('late').read())", "late": b"x"},
    )
    with Board(image, runtime="micropython") as board:
        board.wait_line("True x")


def test_bytecode_runs_on_the_vm_and_its_tracebacks_name_the_file(tmp_path: Path, vm: None) -> None:
    image = tmp_path / "board.img"
    mpy = compile_mpy(b"def fail():\n    raise ValueError('so')\n", "lib/pack/mod.py")
    build_image(
        image, {"lib/pack/mod.mpy": mpy, "lib/pack/__init__.py": b"", "main.py": b"from pack import mod\nmod.fail()\n"}
    )
    with Board(image, runtime="micropython") as board:
        board.wait_line('File "mod", line 2, in fail')
        board.wait_line("ValueError: so")
