"""States with everything in them that PyTorch can save, and how to compare them."""

from __future__ import annotations

import math
from collections import OrderedDict
from io import BytesIO
from pathlib import Path
from typing import Any

import numpy as np
import torch

from cairn_ckpt import Repository

DTYPES = [
    torch.uint8, torch.int8, torch.int16, torch.int32, torch.int64, torch.uint16, torch.uint32,
    torch.uint64, torch.float16, torch.bfloat16, torch.float32, torch.float64, torch.complex32,
    torch.complex64, torch.complex128, torch.bool, torch.float8_e4m3fn, torch.float8_e5m2,
    torch.float8_e4m3fnuz, torch.float8_e5m2fnuz,
]
# Those of later versions than 2.4.
DTYPES += [
    getattr(torch, name)
    for name in ("float8_e8m0fnu", "float4_e2m1fn_x2")
    if hasattr(torch, name)
]


def _saveable(dtype: torch.dtype) -> bool:
    """Whether torch.save takes it: 2.4's does not take uint16, uint32 and uint64."""
    try:
        torch.save(torch.zeros(1, dtype=torch.uint8).repeat(dtype.itemsize).view(dtype), BytesIO())
    except KeyError:
        return False
    return True


DTYPES = [dtype for dtype in DTYPES if _saveable(dtype)]


# Since 2.6, torch.load loads weights only by default, and takes bytes and sets among them.
WEIGHTS_ONLY_BY_DEFAULT = tuple(map(int, torch.__version__.split(".")[:2])) >= (2, 6)


class Custom:
    """An object of a user's own class."""

    def __init__(self, value: Any) -> None:
        self.value = value

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Custom) and self.value == other.value


def bits(tensor: torch.Tensor) -> bytes:
    """A tensor's elements as they lie in memory."""
    flat = tensor.detach().cpu().contiguous().reshape(-1)
    return bytes(flat.view(torch.uint8).numpy().tobytes()) if flat.numel() else b""


def of_dtype(dtype: torch.dtype, count: int = 37) -> torch.Tensor:
    """A tensor of random bytes."""
    generator = torch.Generator().manual_seed(count)
    content = torch.randint(0, 256, (count * dtype.itemsize,), generator=generator)
    if dtype is torch.bool:
        content = content % 2
    return content.to(torch.uint8).view(dtype)


def plain_state() -> dict[str, Any]:
    """A state of tensors and plain values, that weights_only=True loads."""
    base = torch.arange(1000, dtype=torch.float32)
    tied = torch.nn.Parameter(torch.randn(5, 7))
    sparse = torch.sparse_coo_tensor(
        torch.tensor([[0, 1], [2, 0]]), torch.tensor([3.0, 4.0]), (2, 3)
    ).coalesce()
    return {
        "dtypes": {str(dtype): of_dtype(dtype) for dtype in DTYPES},
        "base": base,
        "view": base[100:200].view(10, 10).t(),
        "tied": OrderedDict(a=tied, b=tied),
        "empty": torch.empty(0),
        "empty rows": torch.empty(0, 5, dtype=torch.int64),
        "scalar": torch.tensor(1.5),
        "large": torch.arange(300_000, dtype=torch.int32),
        "sparse": sparse,
        "conjugate": torch.randn(3, dtype=torch.complex64).conj(),
        "quantized": torch.quantize_per_tensor(torch.randn(4, 4), 0.1, 10, torch.qint8),
        "values": [1, 2.5, None, True, "text", (1, 2), 10**30, math.inf],
        "others": [b"bytes", {1, 2}] if WEIGHTS_ONLY_BY_DEFAULT else [],
        "metadata": {"epoch": 3, "global_step": 70},
    }


def any_state() -> dict[str, Any]:
    """One with what only the full unpickler loads, too."""
    return {
        **plain_state(),
        "numpy": np.arange(12).reshape(3, 4),
        "custom": Custom([1, 2, {"a": torch.ones(3)}.keys().__len__()]),
    }


def same(a: Any, b: Any) -> bool:
    """Whether two states are the same, tensors bit by bit."""
    if isinstance(a, torch.Tensor):
        if type(a) is not type(b) or a.dtype != b.dtype or a.shape != b.shape:
            return False
        if a.is_sparse:
            return same(a._indices(), b._indices()) and same(a._values(), b._values())
        if a.is_quantized:
            return same(a.int_repr(), b.int_repr()) and a.q_scale() == b.q_scale()
        return a.stride() == b.stride() and bits(a.resolve_conj()) == bits(b.resolve_conj())
    if isinstance(a, np.ndarray):
        return isinstance(b, np.ndarray) and a.dtype == b.dtype and bool(np.array_equal(a, b))
    if isinstance(a, dict):
        return type(a) is type(b) and list(a) == list(b) and all(same(a[k], b[k]) for k in a)
    if isinstance(a, (list, tuple)):
        return type(a) is type(b) and len(a) == len(b) and all(map(same, a, b))
    return type(a) is type(b) and a == b


def state(value: float = 1.0) -> dict[str, Any]:
    """A small state."""
    return {"w": torch.full((1000,), value), "epoch": int(value)}


def versions(where: Path) -> list[str]:
    """What the repository in a directory has, as ``path@n``."""
    return sorted(record["name"] for record in Repository(where).log())
