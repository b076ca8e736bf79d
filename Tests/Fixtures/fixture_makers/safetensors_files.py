"""Files of the safetensors package."""
import json
import os

import torch
from safetensors.torch import save_file

from fixture_makers import pytorch_files, sidecar


def make(folder):
    os.makedirs(folder, exist_ok=True)
    write(folder, "weights", pytorch_files.weights(), {"format": "pt", "epoch": "3", "note": "Grüße"})
    write(folder, "no_metadata", {"a": torch.arange(4), "b": torch.ones(2, 3)}, None)
    write(folder, "no_tensors", {}, {"format": "pt"})
    state = {name: value for name, value in pytorch_files.dtypes().items() if name not in ("complex128", "special")}
    state.update((name, value) for name, value in pytorch_files.dtypes_new().items()
                 if name not in ("complex32", "same_bytes_other_type"))
    write(folder, "dtypes", state, None)
    write(folder, "empty_and_scalar", pytorch_files.empty_and_scalar(), None)
    sharded(os.path.join(folder, "sharded"))


def write(folder, name, tensors, metadata):
    path = os.path.join(folder, name + ".safetensors")
    save_file(tensors, path, metadata=metadata)
    sidecar.write(path)


def sharded(folder):
    """A directory as the Hugging Face libraries leave it: shards, and an index that says which tensor lies where."""
    os.makedirs(folder, exist_ok=True)
    tensors = pytorch_files.weights()
    names = list(tensors)
    half = len(names) // 2
    weight_map = {}
    for number, part in enumerate((names[:half], names[half:]), 1):
        stem = "model-%05d-of-00002" % number
        write(folder, stem, {name: tensors[name] for name in part}, {"format": "pt"})
        weight_map.update((name, stem + ".safetensors") for name in part)
    total = sum(tensor.numel() * tensor.element_size() for tensor in tensors.values())
    with open(os.path.join(folder, "model.safetensors.index.json"), "w") as file:
        json.dump({"metadata": {"total_size": total}, "weight_map": weight_map}, file, indent=2, sort_keys=True)
        file.write("\n")
