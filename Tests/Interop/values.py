#!/usr/bin/env python3
"""Writes two files of random tensors, and prints as JSON in what these differ and what they are like, by NumPy.

    values.py DIRECTORY SEED

a.pt and b.pt hold the same tensors, of every type and in all sorts of layouts; b's have others values here and there.
same.safetensors holds those of a.pt, laid out in the order of their elements.
"""
import json
import sys

import numpy as np
import torch
from safetensors.torch import save_file

DTYPES = [
    name
    for name in """float64 float32 float16 bfloat16 float8_e4m3fn float8_e5m2 float8_e4m3fnuz float8_e5m2fnuz
    float8_e8m0fnu int8 int16 int32 int64 uint8 uint16 uint32 uint64 bool complex32 complex64 complex128""".split()
    if hasattr(torch, name)
]
SAFE = [name for name in DTYPES if name not in ("complex32", "complex128")]
WIDE = np.longdouble


def random_elements(rng, dtype, count):
    """Elements of any bits for small types, of usual and of unusual size for large ones."""
    torch_type = getattr(torch, dtype)
    if dtype == "bool":
        return torch.from_numpy(rng.integers(0, 2, count).astype(bool))
    size = torch.empty(0, dtype=torch_type).element_size()
    if dtype.startswith(("float64", "float32", "complex")) and rng.random() < 0.5:
        parts = count * (2 if dtype.startswith("complex") else 1)
        real = {"complex32": np.float16, "complex128": np.float64, "float64": np.float64}.get(dtype, np.float32)
        data = rng.normal(size=parts).astype(real).tobytes()
    else:
        data = rng.bytes(count * size)
    return torch.frombuffer(bytearray(data), dtype=torch.uint8).view(torch_type) if count else torch.empty(
        0, dtype=torch_type)


def item_bytes(tensor):
    """Bytes of each element, in the order of the elements, as an array of (count, size)."""
    flat = tensor.contiguous().reshape(-1)
    if flat.numel() == 0:
        return np.zeros((0, tensor.element_size()), np.uint8)
    return flat.view(torch.uint8).numpy().reshape(flat.numel(), -1)


def numbers(tensor):
    """The elements as wide numbers, in two columns if they are complex."""
    raw = item_bytes(tensor)
    name = str(tensor.dtype).replace("torch.", "")
    if name == "bool":
        return (raw != 0).astype(WIDE)
    plain = {"bfloat16": None, "complex32": np.float16, "complex64": np.float32, "complex128": np.float64}
    if name.startswith("float8"):
        return tensor.contiguous().reshape(-1, 1).to(torch.float64).numpy().astype(WIDE)
    if name == "bfloat16":
        return (raw.copy().view(np.uint16).astype(np.uint32) << 16).view(np.float32).astype(WIDE)
    return raw.copy().view(plain.get(name) or getattr(np, name)).astype(WIDE)


def number(value):
    value = float(value)
    if np.isnan(value):
        return "NaN"
    return value if np.isfinite(value) else "Infinity" if value > 0 else "-Infinity"


def change(a, b):
    x, y = numbers(a), numbers(b)
    finite = (np.isfinite(x) & np.isfinite(y)).all(axis=1)
    delta = y[finite] - x[finite]
    square = (delta**2).sum(axis=1)
    norm = np.sqrt((x[finite] ** 2).sum())
    moved = np.sqrt(square.sum())
    nan, inf = lambda v: np.isnan(v).any(axis=1), lambda v: np.isinf(v).any(axis=1)
    return {
        "count": a.numel(),
        "changed": int((item_bytes(a) != item_bytes(b)).any(axis=1).sum()),
        "maximum": number(np.sqrt(square.max())) if square.size else 0.0,
        "relative": 0.0 if moved == 0 else number(moved / norm) if norm > 0 else "Infinity",
        "nan": int((nan(y) & ~nan(x)).sum()),
        "inf": int((inf(y) & ~inf(x)).sum()),
    }


def summary(a):
    x = numbers(a)
    nan = np.isnan(x).any(axis=1)
    x = np.sqrt((x**2).sum(axis=1)) if x.shape[1] == 2 else x[:, 0]
    x[nan] = np.nan
    finite = x[np.isfinite(x)]
    found = {
        "count": a.numel(), "nan": int(nan.sum()), "inf": int(np.isinf(x).sum()), "zero": int((x == 0).sum()),
    }
    if finite.size:
        mean = finite.sum() / finite.size
        deviation = np.sqrt(((finite - mean) ** 2).sum() / finite.size)
        found.update(
            minimum=number(finite.min()), maximum=number(finite.max()), mean=number(mean), deviation=number(deviation),
            # What a double loses of large numbers is no error of the mean's.
            tolerance=number(np.abs(finite).max()))
    return found


def layouts(rng, dtype):
    """Views of all sorts, by name."""
    def elements(count):
        return random_elements(rng, dtype, count)

    rows, columns, depth = (int(n) for n in rng.integers(2, 40, 3))
    base = elements(rows * columns * depth + 7)
    block = base[7:].reshape(rows, columns, depth)
    yield "plain", elements(int(rng.integers(1, 3000)))
    yield "scalar", elements(1).reshape(())
    yield "empty", elements(0).reshape(0, 3)
    yield "offset", block
    yield "transposed", block.transpose(0, 2)
    yield "permuted", block.permute(1, 2, 0)
    yield "sliced", block[:, 1:, ::2]
    yield "column", block[:, 0, 0]
    yield "expanded", block[0, 0].expand(3, depth)
    yield "expanded_within", block[0, :, :1].expand(columns, 5)
    yield "overlapping", base.as_strided((rows, 5), (1, 2), 3)


def main():
    directory, seed = sys.argv[1], int(sys.argv[2])
    rng = np.random.default_rng(seed)
    a, b, safe, wanted = {}, {}, {}, {}
    for dtype in DTYPES:
        for layout, tensor in layouts(rng, dtype):
            name = f"{dtype}.{layout}"
            flat = tensor.contiguous().reshape(-1).clone()
            if flat.numel() and rng.random() < 0.8:
                some = rng.random(flat.numel()) < rng.choice([0.01, 0.5, 1])
                raw = item_bytes(flat).copy()
                raw[some] = item_bytes(random_elements(rng, dtype, int(some.sum())))
                flat = torch.from_numpy(raw.reshape(-1)).view(tensor.dtype)
            other = flat.reshape(tensor.shape)
            if rng.random() < 0.3 and other.dim() == 3:
                other = other.permute(2, 1, 0).contiguous().permute(2, 1, 0)
            a[name], b[name] = tensor, other
            if dtype in SAFE:
                safe[name] = tensor.contiguous().clone()
            wanted[name] = {"change": change(tensor, other), "summary": summary(tensor)}
    torch.save(a, directory + "/a.pt")
    torch.save(b, directory + "/b.pt")
    save_file(safe, directory + "/same.safetensors")
    json.dump(wanted, sys.stdout)


if __name__ == "__main__":
    main()
