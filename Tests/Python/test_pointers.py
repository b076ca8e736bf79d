"""Plain torch.load of the files that the plugin leaves, and what a hostile one can do."""

from __future__ import annotations

import io
import os
import pickle
import subprocess
import sys
import zipfile
from pathlib import Path
from typing import Any

import pytest
import torch
from states import WEIGHTS_ONLY_BY_DEFAULT, any_state, plain_state, same

from cairn_ckpt import (
    CairnCheckpointIO,
    CairnError,
    CheckpointRemoved,
    InvalidPointer,
    NewerFormat,
    Repository,
    RepositoryNotFound,
    UntrustedRepository,
    _hook,
    _pointer,
)


@pytest.fixture
def saved(work: Path) -> Path:
    """A pointer to a state of tensors and plain values."""
    path = work / "runs" / "a.ckpt"
    plugin = CairnCheckpointIO()
    plugin.save_checkpoint(plain_state(), path)
    plugin.teardown()
    return path


def test_a_pointer_is_small_and_a_container(saved: Path) -> None:
    assert saved.stat().st_size < 2048
    assert zipfile.ZipFile(saved).testzip() is None
    assert _pointer.read(str(saved)) is not None


@pytest.mark.parametrize("mmap", [None, False, True])
@pytest.mark.parametrize("weights_only", [None, False, True])
def test_torch_load(saved: Path, mmap: Any, weights_only: Any) -> None:
    loaded = torch.load(saved, mmap=mmap, weights_only=weights_only)
    generator = plain_state()
    assert list(loaded) == list(generator)
    assert same(loaded["dtypes"], generator["dtypes"])
    assert loaded["tied"]["a"] is loaded["tied"]["b"]


def test_torch_load_of_an_open_file(saved: Path) -> None:
    with open(saved, "rb") as file:
        assert torch.load(file)["scalar"] == 1.5
    assert torch.load(io.BytesIO(saved.read_bytes()))["scalar"] == 1.5


def test_weights_only_is_obeyed(work: Path) -> None:
    state = any_state()
    CairnCheckpointIO().save_checkpoint(state, work / "any.ckpt")
    assert same(torch.load(work / "any.ckpt", weights_only=False), state)
    with pytest.raises(pickle.UnpicklingError, match="Weights only load failed"):
        torch.load(work / "any.ckpt", weights_only=True)
    if WEIGHTS_ONLY_BY_DEFAULT:
        with pytest.raises(pickle.UnpicklingError):
            torch.load(work / "any.ckpt")


def test_map_location_is_obeyed(work: Path) -> None:
    saved = work / "a.ckpt"
    CairnCheckpointIO().save_checkpoint({"base": torch.arange(1000.0)}, saved)
    assert torch.load(saved, map_location="meta")["base"].device.type == "meta"
    assert torch.load(saved, map_location={"cpu": "cpu"})["base"][5] == 5
    assert torch.load(saved, map_location=torch.device("cpu"))["base"][5] == 5
    seen = []

    def place(storage: Any, location: str) -> Any:
        seen.append(storage.nbytes())
        return storage

    assert torch.load(saved, map_location=place)["base"][5] == 5
    assert 4000 in seen


def test_fake_mode_and_skip_data(work: Path) -> None:
    from torch._subclasses.fake_tensor import FakeTensor, FakeTensorMode

    saved = work / "a.ckpt"
    CairnCheckpointIO().save_checkpoint({"base": torch.arange(1000.0)}, saved)
    with FakeTensorMode():
        loaded = torch.load(saved)
    assert isinstance(loaded["base"], FakeTensor)
    if tuple(map(int, torch.__version__.split(".")[:2])) >= (2, 7):
        with torch.serialization.skip_data():
            assert torch.load(saved)["base"].shape == (1000,)


@pytest.mark.skipif(torch.__version__ < "2.5", reason="torch.load itself does not nest there")
def test_load_inside_a_load(work: Path) -> None:
    """An object that loads another checkpoint while it is unpickled: torch's state survives."""
    plugin = CairnCheckpointIO()
    plugin.save_checkpoint({"w": torch.ones(3)}, work / "inner.ckpt")
    plugin.save_checkpoint({"l": Loading("inner.ckpt"), "w": torch.ones(2)}, work / "outer.ckpt")
    loaded = torch.load(work / "outer.ckpt", weights_only=False, map_location="cpu")
    assert loaded["l"].content["w"].sum() == 3 and loaded["w"].sum() == 2


class Loading:
    def __init__(self, path: str) -> None:
        self.path = path

    def __getstate__(self) -> dict[str, Any]:
        return {"path": self.path}

    def __setstate__(self, state: dict[str, Any]) -> None:
        self.content = torch.load(state["path"])


def test_a_pointer_in_a_checkpoint_is_not_followed(work: Path, saved: Path) -> None:
    pointer = _pointer.read(str(saved))
    assert pointer is not None
    state = {"nested": _pointer._Call(pointer.fields())}
    CairnCheckpointIO().save_checkpoint(state, work / "outer.ckpt")
    with pytest.raises(InvalidPointer, match="not followed"):
        torch.load(work / "outer.ckpt", weights_only=False)


def test_a_moved_repository(work: Path, saved: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    elsewhere = work.parent / "elsewhere"
    os.rename(work / ".cairn", elsewhere)
    # The list of known ones, written at the save, names the old place: it does not help.
    with pytest.raises(RepositoryNotFound, match="CAIRN_REPO"):
        torch.load(saved)
    monkeypatch.setenv("CAIRN_REPO", str(elsewhere))
    assert torch.load(saved)["scalar"] == 1.5


def test_a_moved_tree_is_found_from_its_current_directory(
    work: Path, saved: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    moved = work.parent / "moved"
    monkeypatch.chdir(work.parent)
    os.rename(work, moved)
    # Relative to the pointer, by the plugin …
    assert CairnCheckpointIO().load_checkpoint(moved / "runs" / "a.ckpt")["scalar"] == 1.5
    # … and above the current directory, by torch.load.
    monkeypatch.chdir(moved / "runs")
    assert torch.load("a.ckpt")["scalar"] == 1.5


def test_a_repository_on_the_list_of_known_ones(work: Path, saved: Path, tmp_path: Path) -> None:
    elsewhere = tmp_path / "elsewhere"
    os.rename(work / ".cairn", elsewhere)
    pointer = _pointer.read(str(saved))
    assert pointer is not None
    with open(tmp_path / "config" / "cairn" / "repositories", "a") as file:
        file.write(f"{pointer.repository} {elsewhere}\n")
    assert torch.load(saved)["scalar"] == 1.5


def test_a_removed_version_says_what_to_do(work: Path, saved: Path) -> None:
    Repository(work).remove("runs/a.ckpt")
    with pytest.raises(CheckpointRemoved, match="log --removed"):
        torch.load(saved)
    with pytest.raises(FileNotFoundError):
        CairnCheckpointIO().load_checkpoint(saved)


def test_loading_needs_no_index_and_writes_nothing(work: Path, saved: Path) -> None:
    for name in ("index.sqlite", "index.sqlite-wal", "index.sqlite-shm", "log.jsonl", "lock"):
        (work / ".cairn" / name).unlink(missing_ok=True)
    before = sorted(p for p in (work / ".cairn").rglob("*"))
    assert torch.load(saved)["scalar"] == 1.5
    assert sorted(p for p in (work / ".cairn").rglob("*")) == before


def fields_of(path: Path) -> dict[str, Any]:
    pointer = _pointer.read(str(path))
    assert pointer is not None
    return pointer.fields()


@pytest.mark.parametrize(
    ("change", "error"),
    [
        ({"format": 2}, NewerFormat),
        ({"format": None}, InvalidPointer),
        ({"repository": "../../etc"}, InvalidPointer),
        ({"repository": "0" * 32}, RepositoryNotFound),
        ({"manifest": "0" * 64}, CheckpointRemoved),
        ({"manifest": "../" * 21 + "x"}, InvalidPointer),
        ({"checkpoint": 5}, InvalidPointer),
        ({"place": "/dev/zero"}, None),
        ({"place": "/proc/self/mem"}, None),
        ({"place": ["x"]}, InvalidPointer),
        ({"probes_are": 1}, None),
    ],
    ids=str,
)
def test_hostile_fields(saved: Path, work: Path, change: dict[str, Any], error: Any) -> None:
    hostile = work / "hostile.ckpt"
    hostile.write_bytes(_pointer.container({**fields_of(saved), **change}, ["cpu"]))
    before = sorted(work.rglob("*"))
    for load in (torch.load, CairnCheckpointIO().load_checkpoint):
        if error is None:
            assert load(hostile)["scalar"] == 1.5
        else:
            with pytest.raises(error):
                load(hostile)
    assert sorted(work.rglob("*")) == before


@pytest.mark.skipif(os.geteuid() != 0, reason="gives a directory to another user")
def test_a_repository_of_somebody_else_is_not_read(
    saved: Path, work: Path, tmp_path: Path
) -> None:
    os.chown(work / ".cairn", 65534, 65534)
    with pytest.raises(UntrustedRepository):
        torch.load(saved)
    (tmp_path / "config" / "cairn" / "trusted").write_text(f"{work / '.cairn'}\n")
    assert torch.load(saved)["scalar"] == 1.5


def test_recognition_runs_nothing(work: Path) -> None:
    path = work / "evil.ckpt"

    class Evil:
        def __reduce__(self) -> Any:
            return (os.mkdir, (str(work / "ran"),))

    skeleton = b"ccairn_ckpt\npip_install_cairn_ckpt\n0" + pickle.dumps(Evil(), protocol=2)[2:]
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("archive/data.pkl", b"\x80\x02" + skeleton)
    assert _pointer.read(str(path)) is None
    CairnCheckpointIO().remove_checkpoint(path)
    assert not (work / "ran").exists() and not path.exists()
    os.mkfifo(work / "fifo")
    assert _pointer.read(str(work / "fifo")) is None


def run_python(code: str, **environment: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-c", code],
        capture_output=True, text=True, env={**os.environ, **environment}, timeout=300,
    )


def test_the_package_imports_neither_torch_nor_lightning() -> None:
    code = (
        "import sys, cairn_ckpt; cairn_ckpt.Repository; cairn_ckpt.CairnCheckpointIO()\n"
        "heavy = {'torch', 'numpy', 'lightning', 'pytorch_lightning', 'fsspec'} & set(sys.modules)"
        "\nassert not heavy, heavy"
    )
    result = run_python(code)
    assert result.returncode == 0, result.stderr


def test_without_the_package_the_error_names_it(saved: Path) -> None:
    code = f"import torch; torch.load({str(saved)!r}, weights_only={{}})"
    result = run_python(code.format(False), PYTHONPATH="")
    if result.returncode == 0:
        pytest.skip("the package is installed in this environment")
    assert "cairn_ckpt" in result.stderr
    assert "pip_install_cairn_ckpt" in run_python(code.format(True), PYTHONPATH="").stderr


def test_registration_never_raises(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "torch", None)  # type: ignore[arg-type]
    _hook.register()
    monkeypatch.setitem(sys.modules, "torch", object())  # type: ignore[arg-type]
    _hook.register()


@pytest.mark.parametrize("first", ["torch", "cairn_ckpt"])
def test_importing_the_package_is_enough(saved: Path, first: str) -> None:
    """Where there is no entry point, whichever comes first."""
    second = "cairn_ckpt" if first == "torch" else "torch"
    code = (
        f"import {first}; import {second}; import torch\n"
        f"assert torch.load({str(saved)!r}, weights_only=True)['scalar'] == 1.5"
    )
    result = run_python(code, TORCH_DEVICE_BACKEND_AUTOLOAD="0")
    assert result.returncode == 0, result.stderr


def test_lightnings_lazy_loading_for_fsdp(saved: Path) -> None:
    load = pytest.importorskip("lightning.fabric.utilities.load")
    assert load._lazy_load(saved)["base"][5] == 5


def test_a_damaged_manifest(work: Path) -> None:
    """Which only the pointer leads to: no log and no index is read."""
    CairnCheckpointIO().save_checkpoint({"w": torch.rand(1000)}, work / "a.ckpt")
    pointer = _pointer.read(str(work / "a.ckpt"))
    assert pointer is not None
    digest = pointer.manifest
    path = work / ".cairn" / "blobs" / digest[:2] / f"{digest}.zst"
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 255
    path.write_bytes(content)
    for load in (torch.load, CairnCheckpointIO().load_checkpoint):
        with pytest.raises(CairnError, match=f"a.ckpt@1.*manifest.*{digest}") as caught:
            load(work / "a.ckpt")
        assert caught.value.kind == "damaged"
        assert "backup" in str(caught.value) and "cairn --repo" in str(caught.value)


@pytest.mark.parametrize("journal", ["index.sqlite-wal", "index.sqlite-journal"])
def test_a_planted_index_is_not_opened(saved: Path, work: Path, journal: str) -> None:
    """A pointer is followed by the manifest alone: what lies beside it may hold up whoever opens it."""
    repository = work / ".cairn"
    for name in ("log.jsonl", "lock", "index.sqlite", journal):
        (repository / name).unlink(missing_ok=True)
        os.mkfifo(repository / name)
    before = sorted((path, path.lstat().st_mtime_ns) for path in repository.rglob("*"))
    assert torch.load(saved)["scalar"] == 1.5
    assert torch.load(saved, weights_only=True)["scalar"] == 1.5
    assert sorted((path, path.lstat().st_mtime_ns) for path in repository.rglob("*")) == before
