"""What PyTorch itself says of a checkpoint file: its tensors, their storages, its plain values.

Shared by describe.py, compare.py and Fixtures/make_fixtures.py. Runs with PyTorch 1.13 to the newest.
"""
import ctypes
import hashlib
import math
import os
import struct
import sys
import warnings
import zipfile
from collections.abc import Mapping

import numpy
import torch

warnings.filterwarnings("ignore", category=UserWarning)
warnings.filterwarnings("ignore", category=FutureWarning)

HERE = os.path.dirname(os.path.abspath(__file__))
# The fixtures pickle instances of classes that lie there; torch.load must be able to import them.
sys.path.insert(1, os.path.join(os.path.dirname(HERE), "Fixtures"))


def load(path, weights_only=False, mmap=False):
    """torch.load on the CPU; TorchScript archives give their state dict."""
    if is_torchscript(path):
        return torch.jit.load(path, map_location="cpu").state_dict()
    arguments = {"map_location": "cpu", "weights_only": weights_only}
    if mmap:
        arguments["mmap"] = True
    return torch.load(path, **arguments)


def is_torchscript(path):
    if not zipfile.is_zipfile(path):
        return False
    with zipfile.ZipFile(path) as archive:
        return any(name.endswith("/constants.pkl") for name in archive.namelist())


def untyped_storage(tensor):
    if hasattr(tensor, "untyped_storage"):
        return tensor.untyped_storage()
    return tensor.storage()._storage


def storage_identity(tensor):
    """The same number for tensors that share one storage, also when it is empty."""
    return untyped_storage(tensor)._cdata


def storage_bytes(tensor):
    storage = untyped_storage(tensor)
    return ctypes.string_at(storage.data_ptr(), storage.nbytes()) if storage.nbytes() else b""


def contiguous_bytes(tensor):
    """The elements in row-major order, gathered by strides from the raw storage: no dtype is special."""
    if tensor.numel() == 0:
        return b""
    size = tensor.element_size()
    elements = numpy.frombuffer(storage_bytes(tensor), dtype=numpy.dtype("V%d" % size))
    view = numpy.lib.stride_tricks.as_strided(
        elements[tensor.storage_offset():], tuple(tensor.shape), [s * size for s in tensor.stride()])
    return view.tobytes()


def sha256(data):
    return hashlib.sha256(data).hexdigest()


def dtype_name(dtype):
    return str(dtype).replace("torch.", "", 1)


def parts(tensor):
    """[(suffix, strided tensor)] of which a tensor of any layout is made up."""
    layout = tensor.layout
    if layout is torch.sparse_coo:
        return [(".indices", tensor._indices()), (".values", tensor._values())]
    if layout in (torch.sparse_csr, getattr(torch, "sparse_bsr", None)):
        return [(".crow_indices", tensor.crow_indices()), (".col_indices", tensor.col_indices()),
                (".values", tensor.values())]
    if layout in (getattr(torch, "sparse_csc", None), getattr(torch, "sparse_bsc", None)):
        return [(".ccol_indices", tensor.ccol_indices()), (".row_indices", tensor.row_indices()),
                (".values", tensor.values())]
    if tensor.is_quantized and tensor.qscheme() in (
            torch.per_channel_affine, torch.per_channel_affine_float_qparams):
        return [("", tensor), (".scales", tensor.q_per_channel_scales()),
                (".zero_points", tensor.q_per_channel_zero_points())]
    return [("", tensor)]


def children(value):
    """[(key, child, whether it is an attribute of an object)], or None for a leaf."""
    if isinstance(value, Mapping):
        return [(str(key), child, False) for key, child in value.items()]
    if isinstance(value, (list, tuple)):
        return [(str(position), child, False) for position, child in enumerate(value)]
    if isinstance(value, torch.Tensor) or not type(value).__module__ or isinstance(value, type):
        return None
    if type(value).__module__ in ("builtins", "numpy", "torch"):
        return None
    attributes = getattr(value, "__dict__", None)
    return [(key, child, True) for key, child in attributes.items()] if attributes else None


def walk(root):
    """Yields (dotted name, tensor, whether inside an object that is no container), depth first, in order."""
    pending = [("", root, False, ())]
    while pending:
        name, value, inside, above = pending.pop()
        if isinstance(value, torch.Tensor):
            yield name, value, inside
            continue
        below = None if id(value) in above else children(value)
        for key, child, attribute in reversed(below or []):
            path = name + "." + key if name else key
            pending.append((path, child, inside or attribute, above + (id(value),)))


def tensor_entries(root):
    groups = {}
    entries = []
    kept = []  # temporaries must live on, or another storage could get their identity
    for name, tensor, inside in walk(root):
        for suffix, part in parts(tensor):
            kept.append(part)
            meta = part.device.type == "meta"
            entry = {
                "name": name + suffix,
                "dtype": dtype_name(part.dtype),
                "shape": list(part.shape),
                "strides": list(part.stride()),
                "storage_offset": part.storage_offset(),
                "storage_nbytes": untyped_storage(part).nbytes(),
            }
            if not meta:
                entry["storage"] = groups.setdefault(storage_identity(part), len(groups))
                entry["storage_sha256"] = sha256(storage_bytes(part))
                entry["contiguous_sha256"] = sha256(contiguous_bytes(part))
            else:
                entry["device"] = "meta"
            if tensor.layout is not torch.strided:
                entry["part_of"] = {"name": name, "layout": dtype_name(tensor.layout), "shape": list(tensor.shape)}
            if tensor.is_quantized and suffix == "":
                entry["qscheme"] = dtype_name(tensor.qscheme())
            if tensor.requires_grad:
                entry["requires_grad"] = True
            if isinstance(tensor, torch.nn.Parameter):
                entry["parameter"] = True
            if part.is_conj():
                entry["conjugated"] = True
            if part.is_neg():
                entry["negated"] = True
            if inside:
                entry["inside_object"] = True
            entries.append(entry)
    return entries


def plain(value, depth=0):
    """The value as JSON; what JSON has no word for becomes {"$…": …}."""
    if value is None or isinstance(value, (bool, str)) or type(value) is int:
        return value
    if type(value) is float:
        return value if math.isfinite(value) else {"$float": repr(value)}
    if isinstance(value, torch.Tensor):
        return {"$tensor": dtype_name(value.dtype)}
    if depth < 12 and isinstance(value, Mapping):
        return {str(key): plain(child, depth + 1) for key, child in value.items()}
    if depth < 12 and isinstance(value, (list, tuple)):
        return [plain(child, depth + 1) for child in value]
    if isinstance(value, (torch.dtype, torch.device)):
        return {"$" + type(value).__name__: str(value)}
    if isinstance(value, bytes):
        return {"$bytes": value.hex()}
    return {"$class": type(value).__module__ + "." + type(value).__qualname__}


def zip_records(path):
    """Where each record of a zip container lies, read with Python's own zip module."""
    if not zipfile.is_zipfile(path):
        return None
    records = []
    with zipfile.ZipFile(path) as archive, open(path, "rb") as file:
        for info in archive.infolist():
            file.seek(info.header_offset)
            name_length, extra_length = struct.unpack("<26xHH", file.read(30))
            offset = info.header_offset + 30 + name_length + extra_length
            file.seek(offset)
            records.append({"name": info.filename, "offset": offset, "nbytes": info.file_size,
                            "compressed_nbytes": info.compress_size,
                            "sha256": sha256(file.read(info.compress_size))})
    return records


def describe(path):
    with open(path, "rb") as file:
        whole = file.read()
    root = load(path)
    result = {
        "file": os.path.basename(path),
        "nbytes": len(whole),
        "sha256": sha256(whole),
        "described_by": "torch " + torch.__version__.split("+")[0],
        "container": "legacy",
        "tensors": tensor_entries(root),
        "values": plain(root),
    }
    records = zip_records(path)
    if records is not None:
        result["container"] = "torchscript" if is_torchscript(path) else "zip"
        result["records"] = records
    return result


def describe_safetensors(path):
    """The same for a safetensors file, read with the safetensors package."""
    from safetensors import safe_open
    with open(path, "rb") as file:
        whole = file.read()
    header = 8 + struct.unpack("<Q", whole[:8])[0]
    entries = []
    with safe_open(path, framework="pt") as opened:
        metadata = opened.metadata()
        for name in opened.keys():
            data = contiguous_bytes(opened.get_tensor(name))
            tensor = opened.get_tensor(name)
            entries.append({
                "name": name, "dtype": dtype_name(tensor.dtype), "shape": list(tensor.shape),
                "strides": list(tensor.stride()), "storage_offset": 0, "storage_nbytes": len(data),
                "storage_sha256": sha256(data), "contiguous_sha256": sha256(data)})
    return {"file": os.path.basename(path), "nbytes": len(whole), "sha256": sha256(whole),
            "container": "safetensors", "data_offset": header, "metadata": metadata, "tensors": entries}
