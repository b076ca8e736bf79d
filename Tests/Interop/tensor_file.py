#!/usr/bin/env python3
"""Whether a .npy or .safetensors file holds a tensor of a .pt file, bit for bit.

    tensor_file.py FILE PT NAME
"""
import sys

import numpy as np
import torch
from safetensors.torch import load_file

from values import item_bytes


def main():
    path, original, name = sys.argv[1:]
    wanted = torch.load(original, weights_only=True)[name]
    if path.endswith(".npy"):
        with open(path, "rb") as file:
            version = np.lib.format.read_magic(file)
            {(1, 0): np.lib.format.read_array_header_1_0, (2, 0): np.lib.format.read_array_header_2_0}[version](file)
            if file.tell() % 64 != 0:
                sys.exit("the elements do not begin at a multiple of 64")
        array = np.load(path)
        if not array.flags["C_CONTIGUOUS"]:
            sys.exit("not in the order of rows")
        found = array.reshape(-1).view(np.uint8).reshape(array.size, array.itemsize)
        dtype = str(array.dtype)
        shape = array.shape
    else:
        tensors = load_file(path)
        if list(tensors) != [name]:
            sys.exit(f"holds {list(tensors)}")
        found, dtype, shape = item_bytes(tensors[name]), str(tensors[name].dtype)[6:], tuple(tensors[name].shape)
    if (dtype, shape) != (str(wanted.dtype)[6:], tuple(wanted.shape)):
        sys.exit(f"{dtype} {shape} instead of {wanted.dtype} {tuple(wanted.shape)}")
    if not np.array_equal(found, item_bytes(wanted)):
        sys.exit("other bytes")


if __name__ == "__main__":
    main()
