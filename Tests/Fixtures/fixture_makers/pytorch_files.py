"""Files of torch.save in all its forms. The same code runs with PyTorch 1.13 and the newest one."""
import collections
import datetime
import io
import os
import pathlib
import sys
import zipfile
from unittest import mock

import numpy
import torch

import fixture_classes
from fixture_makers import sidecar

NEWEST = int(torch.__version__.split(".")[0]) >= 2


def make(folder):
    os.makedirs(folder, exist_ok=True)
    for function in PLAIN:
        save(folder, function.__name__, function())
    for protocol in (2, 3, 4, 5):
        save(folder, "protocol%d" % protocol, protocol_state(), pickle_protocol=protocol)
    save(folder, "legacy", legacy_state(), _use_new_zipfile_serialization=False)
    save(folder, "legacy_protocol4", legacy_state(), _use_new_zipfile_serialization=False, pickle_protocol=4)
    in_memory_name(folder)
    cuda_location(folder)
    torchscript(folder)
    rezipped(folder)
    if NEWEST:
        for function in (dtypes_new, bits, meta):
            save(folder, function.__name__, function())
        big_endian(folder)
        save(folder, "no_byteorder", weights(), _disable_byteorder_record=True)
        without_checksums(folder)
        aligned(folder)


def save(folder, name, state, **arguments):
    path = os.path.join(folder, name + ".pt")
    torch.save(state, path, **arguments)
    sidecar.write(path)


def seeded(seed, *shape):
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed))


def network():
    model = torch.nn.Sequential(collections.OrderedDict(
        conv=torch.nn.Conv2d(1, 4, 3), norm=torch.nn.BatchNorm2d(4), head=torch.nn.Linear(4, 3)))
    with torch.no_grad():
        for seed, parameter in enumerate(model.parameters()):
            parameter.copy_(seeded(seed, *parameter.shape))
    return model


def weights():
    """A module's state_dict: an OrderedDict with the attribute _metadata. safetensors/weights.safetensors has the same
    tensors, each of them a whole storage."""
    return network().state_dict()


def module():
    """A whole module, pickled with its class."""
    return network()


def tied():
    embedding = torch.nn.Embedding(6, 4)
    head = torch.nn.Linear(4, 6, bias=False)
    with torch.no_grad():
        embedding.weight.copy_(seeded(7, 6, 4))
    head.weight = embedding.weight
    return {"state_dict": torch.nn.ModuleDict({"embedding": embedding, "head": head}).state_dict()}


def views():
    base = torch.arange(24, dtype=torch.float32)
    matrix = base.view(4, 6)
    return {"base": base, "row": matrix[1], "column": matrix[:, 2], "transposed": matrix.t(),
            "block": matrix[1:3, 2:5], "every_second": base[1::2], "expanded": base[3:4].expand(5, 2),
            "last": base[23], "none": base[24:],
            "only_a_part_is_left": torch.arange(50, dtype=torch.int16)[10:14],
            "channels_last": seeded(8, 2, 3, 2, 2).contiguous(memory_format=torch.channels_last)}


def dtypes():
    values = torch.tensor([0, 1, 2, 3, 100, 127])
    names = ["float16", "bfloat16", "float32", "float64", "uint8", "int8", "int16", "int32", "int64", "bool"]
    state = {name: values.to(getattr(torch, name)) for name in names}
    state["special"] = torch.tensor([float("nan"), float("inf"), -float("inf"), -0.0, 1e-45])
    for name in ("complex64", "complex128"):
        state[name] = torch.complex(seeded(9, 3).double(), seeded(10, 3).double()).to(getattr(torch, name))
    return state


def dtypes_new():
    """Those that have no typed storage: saved through _rebuild_tensor_v3."""
    raw = torch.arange(16, dtype=torch.uint8)
    names = ["uint16", "uint32", "uint64", "complex32", "float8_e4m3fn", "float8_e5m2", "float8_e4m3fnuz",
             "float8_e5m2fnuz", "float8_e8m0fnu", "float4_e2m1fn_x2"]
    state = {name: raw.clone().view(getattr(torch, name)) for name in names}
    # Two of them may view one storage as different types, which typed storages may not.
    state["same_bytes_other_type"] = state["float8_e5m2"].view(torch.uint16)[2:]
    return state


def bits():
    """Element types hardly anybody uses: a reader need not know them, and must not fall over."""
    raw = torch.arange(16, dtype=torch.uint8)
    return {name: raw.clone().view(getattr(torch, name)) for name in ("bits8", "bits16")}


def meta():
    """Tensors without bytes beside one that has some."""
    return {"absent": torch.empty(3, 4, device="meta"), "present": torch.ones(2)}


def empty_and_scalar():
    return {"empty": torch.empty(0), "empty_matrix": torch.empty(0, 5, dtype=torch.int32), "scalar": torch.tensor(1.5),
            "scalar_integer": torch.tensor(7), "one": torch.ones(1, 1, 1)}


def only_a_tensor():
    """The root itself is a tensor: its name is the empty string."""
    return torch.arange(6).view(2, 3)


def sparse():
    dense = torch.tensor([[0, 1.0, 0, 2], [0, 0, 0, 0], [3, 0, 4, 0], [0, 0, 0, 5]])
    state = {"coo": dense.to_sparse(), "csr": dense.to_sparse_csr(), "dense": dense,
             "hybrid": torch.sparse_coo_tensor([[0, 2]], seeded(11, 2, 3), (4, 3)).coalesce()}
    if NEWEST:  # 1.13 can make these, but not save them
        state.update(csc=dense.to_sparse_csc(), bsr=dense.to_sparse_bsr((2, 2)))
    return state


def quantized():
    values = seeded(12, 2, 3)
    return {"per_tensor": torch.quantize_per_tensor(values, 0.1, 10, torch.quint8),
            "per_tensor_signed": torch.quantize_per_tensor(values, 0.05, 0, torch.qint8),
            "wide": torch.quantize_per_tensor(values, 0.01, 0, torch.qint32),
            "per_channel": torch.quantize_per_channel(
                values, torch.tensor([0.1, 0.2]).double(), torch.tensor([0, 1]), 0, torch.qint8)}


def parameters():
    marked = torch.nn.Parameter(seeded(14, 3))
    marked.sharded = True
    tagged = seeded(15, 2)
    tagged.note = "a tensor with an attribute"
    return {"trained": torch.nn.Parameter(seeded(13, 2, 2)),
            "frozen": torch.nn.Parameter(seeded(13, 2, 2), requires_grad=False),
            "with_attribute": marked, "tensor_with_attribute": tagged,
            "leaf": torch.ones(2, requires_grad=True), "buffer": torch.nn.parameter.Buffer(torch.ones(2))
            if hasattr(torch.nn.parameter, "Buffer") else torch.ones(2)}


def conjugated():
    numbers = torch.complex(seeded(16, 3), seeded(17, 3))
    return {"plain": numbers, "conjugated": numbers.conj(), "negated": torch._neg_view(seeded(19, 3))}


def numpy_values():
    return {"array": numpy.arange(6, dtype=numpy.float64).reshape(2, 3), "fortran": numpy.asfortranarray(numpy.eye(3)),
            "strings": numpy.array(["a", "bc"]), "scalar": numpy.float32(0.5), "integer": numpy.int64(-3),
            "tensor": torch.ones(3)}


def custom_class():
    weight = seeded(18, 3)
    return {"schedule": fixture_classes.Schedule("cosine", 100), "precision": fixture_classes.Precision.half,
            "slotted": fixture_classes.Slotted(1, "two"), "holder": fixture_classes.Holder(weight=weight),
            "class": fixture_classes.Schedule, "function": torch.nn.functional.relu, "state_dict": {"weight": weight}}


def values():
    ring = ["a list that holds itself"]
    ring.append(ring)
    shared = {"shared": [1, 2]}
    return {"size": torch.Size([2, 3]), "device": torch.device("cuda", 1), "dtype": torch.bfloat16,
            "layout": torch.strided,
            "none": None, "true": True, "false": False, "zero": 0, "byte": 255, "short": 65535, "negative": -1,
            "int32": -(2 ** 31), "int64": 2 ** 63 - 1, "beyond": 2 ** 64, "far_beyond": -(10 ** 100),
            "float": 0.1, "nan": float("nan"), "infinity": float("inf"), "complex": 1 + 2j,
            "text": "Grüße, 検査, 🙂", "long_text": "x" * 300, "surrogate": "\udc80", "empty": "", "bytes": b"\x00\xff\n",
            "bytearray": bytearray(b"ab"), "long_bytes": bytes(range(256)) * 2,
            "tuple0": (), "tuple1": (1,), "tuple2": (1, 2), "tuple3": (1, 2, 3), "tuple4": (1, 2, 3, 4),
            "list": [1, [2, [3]]], "set": {5}, "frozenset": frozenset([6]), "range": range(1, 9, 2),
            "slice": slice(1, 2), "ordered": collections.OrderedDict(b=1, a=2),
            "defaultdict": collections.defaultdict(list, k=[1]), "counter": collections.Counter("aab"),
            "deque": collections.deque([1, 2], maxlen=5), "date": datetime.datetime(2024, 2, 29, 12, 30),
            "delta": datetime.timedelta(seconds=5), "path": pathlib.PurePosixPath("runs/last.ckpt"),
            1: "integer key", (1, 2): "tuple key", None: "no key", 2.5: "float key", True + 1: "two",
            "dots.in.the.key": {"a.b": torch.ones(1)}, "": torch.zeros(1),
            "first": shared, "second": shared, "ring": ring}


def optimizer():
    model = network()
    adam = torch.optim.Adam([{"params": model.conv.parameters(), "lr": 0.01},
                             {"params": model.head.parameters(), "lr": 0.1}])
    for step in range(2):
        adam.zero_grad()
        for seed, parameter in enumerate(model.parameters()):
            parameter.grad = seeded(30 + 10 * step + seed, *parameter.shape)
        adam.step()
    return {"epoch": 2, "global_step": 2, "state_dict": model.state_dict(), "optimizer_states": [adam.state_dict()]}


def protocol_state():
    return {"epoch": 3, "name": "protocol", "big": 2 ** 70, "raw": b"\x80\x81", "text": "é",
            "state_dict": collections.OrderedDict(a=seeded(40, 2, 3), b=seeded(41, 4)),
            "many": {str(key): key for key in range(300)}, "frozen": frozenset([1]), "bytearray": bytearray(b"abc")}


def legacy_state():
    base = seeded(42, 6)
    return {"epoch": 1, "base": base, "part": base[2:4], "matrix": base.view(2, 3).t(),
            "integers": torch.arange(5), "flag": torch.tensor([True, False]), "empty": torch.empty(0),
            "half": base.half(), "brain": base.bfloat16(), "frozen": torch.nn.Parameter(seeded(43, 2), False)}


PLAIN = [weights, module, tied, views, dtypes, empty_and_scalar, only_a_tensor, sparse, quantized, parameters,
         conjugated, numpy_values, custom_class, values, optimizer]


def in_memory_name(folder):
    """Saved to a file object, as Lightning does: the top folder in the container is "archive", not the file's name."""
    buffer = io.BytesIO()
    torch.save(weights(), buffer)
    path = os.path.join(folder, "weights_in_archive.pt")
    with open(path, "wb") as file:
        file.write(buffer.getvalue())
    sidecar.write(path)


def cuda_location(folder):
    """Storages that say they were on GPUs. Made without one: the function that names a storage's place is replaced."""
    state = {"a": torch.arange(4), "b": torch.ones(3), "c": torch.zeros(2)}
    locations = {"a": "cuda:0", "b": "cuda:1", "c": "cpu"}

    path = os.path.join(folder, "cuda_location.pt")
    places = {tensor.storage().data_ptr(): locations[name] for name, tensor in state.items()}
    with mock.patch.object(torch.serialization, "location_tag", lambda storage: places[storage.data_ptr()]):
        torch.save(state, path)
    sidecar.write(path, locations=locations)


def big_endian(folder):
    """As a big-endian machine writes it: each storage's elements are swapped by hand, and sys.byteorder says "big"
    while torch.save runs. The sidecar has the elements as loaded on a little-endian machine; its "records" have the
    digests of the bytes as they lie in the file."""
    state = {"float": seeded(50, 3), "double": seeded(51, 2).double(), "half": seeded(52, 4).half(),
             "integer": torch.arange(5), "short": torch.arange(6, dtype=torch.int16),
             "byte": torch.arange(7, dtype=torch.uint8), "flag": torch.tensor([True, False]),
             "complex": torch.complex(seeded(53, 2), seeded(54, 2))}
    for tensor in state.values():
        tensor.untyped_storage().byteswap(tensor.dtype)
    path = os.path.join(folder, "big_endian.pt")
    with mock.patch.object(sys, "byteorder", "big"):
        torch.save(state, path)
    sidecar.write(path, byteorder="big")


def torchscript(folder):
    """A scripted module: a zip container as well, but its data.pkl names classes of its own (__torch__.…)."""
    path = os.path.join(folder, "torchscript.pt")
    torch.jit.save(torch.jit.trace(network().eval()[:2], seeded(60, 1, 1, 4, 4)), path)
    sidecar.write(path)


def rezipped(folder):
    """The records of weights.pt, put together anew by Python's zip module: with zip64 local headers, and compressed."""
    with zipfile.ZipFile(os.path.join(folder, "weights.pt")) as source:
        records = [(info.filename, source.read(info)) for info in source.infolist()]
    for name, method in (("zip64", zipfile.ZIP_STORED), ("deflated", zipfile.ZIP_DEFLATED)):
        path = os.path.join(folder, name + ".pt")
        with zipfile.ZipFile(path, "w", method) as archive:
            for record, data in records:
                info = zipfile.ZipInfo(record, (1980, 1, 1, 0, 0, 0))
                info.compress_type = method
                with archive.open(info, "w", force_zip64=name == "zip64") as file:
                    file.write(data)
        sidecar.write(path)


def without_checksums(folder):
    """set_crc32_options(False): the CRC-32 fields do not hold the records' CRC-32."""
    before = torch.serialization.get_crc32_options()
    torch.serialization.set_crc32_options(False)
    try:
        save(folder, "no_crc32", weights())
    finally:
        torch.serialization.set_crc32_options(before)


def aligned(folder):
    """Storages at multiples of 4096."""
    from torch.utils.serialization import config
    with config.patch({"save.storage_alignment": 4096}):
        save(folder, "aligned4096", {"a": seeded(61, 3), "b": seeded(62, 2)})
