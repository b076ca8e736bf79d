"""The skeleton of a state: what torch.save pickles, byte for byte."""

from __future__ import annotations

import io
import pickletools
import zipfile
from typing import Any

import pytest
import torch

from cairn_ckpt import Repository, _pickling


def _with_attribute() -> torch.Tensor:
    tensor = torch.ones(3, 4)
    tensor.note = "kept"  # type: ignore[attr-defined]
    return tensor


def _views() -> dict[str, torch.Tensor]:
    base = torch.arange(12.0)
    return {"whole": base, "part": base[2:5], "turned": base.view(3, 4).t(), "one": base[:1].expand(4)}


def _optimizer() -> dict[str, Any]:
    model = torch.nn.Sequential(torch.nn.Linear(3, 4), torch.nn.BatchNorm1d(4))
    optimizer = torch.optim.AdamW(model.parameters())
    model(torch.ones(2, 3)).sum().backward()
    optimizer.step()
    return {"model": model.state_dict(), "optimizer": optimizer.state_dict()}


COMPLEX = torch.tensor([1 + 2j, 3 - 4j])

STATES: dict[str, Any] = {
    "views": _views(),
    "parameters": {"p": torch.nn.Parameter(torch.ones(3)), "g": torch.ones(2, requires_grad=True)},
    "attribute": {"a": _with_attribute()},
    "conjugated": {"c": COMPLEX.conj(), "as it is": COMPLEX},
    "negative": {"n": COMPLEX.conj().imag},
    "sparse": {"s": torch.eye(3).to_sparse()},
    "small": {"e": torch.empty(0), "s": torch.tensor(3), "b": torch.tensor([True])},
    "dtypes": {str(t): torch.ones(2).to(t) for t in (torch.float16, torch.bfloat16, torch.int8, torch.complex64)},
    "training": _optimizer(),
    "model": torch.nn.Linear(3, 4),
    "storage": {"s": torch.ones(3).untyped_storage()},
}


@pytest.mark.parametrize("name", STATES)
def test_pickles_as_torch_save_does(name: str) -> None:
    file = io.BytesIO()
    torch.save(STATES[name], file)
    with zipfile.ZipFile(file) as archive:
        (member,) = [entry for entry in archive.namelist() if entry.endswith("/data.pkl")]
        theirs = archive.read(member)
    assert _pickling.pickle_state(STATES[name]).skeleton == theirs


@pytest.mark.parametrize("name", STATES)
def test_what_is_stored_numbers_only_what_occurs_again(repository: Repository, name: str) -> None:
    """Else it is the same."""
    repository.save(STATES[name], "a")
    with repository._checkpoint("a") as checkpoint:
        stored = checkpoint.skeleton()
    pickled = _pickling.pickle_state(STATES[name]).skeleton
    assert stored == _without_unused_numbers(pickled)
    assert len(stored) < len(pickled)


def _without_unused_numbers(pickled: bytes) -> bytes:
    steps = list(pickletools.genops(pickled))
    used = {argument for opcode, argument, _ in steps if "GET" in opcode.name}
    ends = [position for _, _, position in steps[1:]] + [len(pickled)]
    return b"".join(
        pickled[start:end]
        for (opcode, argument, start), end in zip(steps, ends)
        if "PUT" not in opcode.name or argument in used
    )


def test_warns_of_hooks_as_torch_save_does() -> None:
    tensor = torch.ones(2, requires_grad=True)
    tensor.register_hook(lambda gradient: gradient)
    with pytest.warns(UserWarning, match="backward hook"):
        _pickling.pickle_state({"w": tensor})


@pytest.mark.skipif(not hasattr(torch.Tensor, "has_names"), reason="PyTorch without names")
def test_refuses_named_tensors_as_torch_save_does() -> None:
    with pytest.raises(RuntimeError, match="[Nn]amed tensors"):
        _pickling.pickle_state({"w": torch.zeros(2, 3, names=("N", "C"))})
