#!/usr/bin/env python3
"""Says whether torch.load gives the same from two files.

    compare.py [options] A B

Compared are types, keys and their order, values, and of each tensor the class, dtype, shape, strides, requires_grad and
elements, and which tensors share a storage. Exit status: 0 equal, 1 different (each difference on a line), 2 one of
them could not be loaded.
"""
import argparse
import struct
import sys
from collections.abc import Mapping

import numpy
import torch

import listing


class Comparison:
    def __init__(self, options):
        self.options = options
        self.differences = []
        self.groups_a = {}
        self.groups_b = {}
        self.seen = set()
        self.kept = []

    def differ(self, name, what, a, b):
        self.differences.append("%s: %s: %.200r != %.200r" % (name or "(root)", what, a, b))

    def compare(self, root_a, root_b):
        pending = [("", root_a, root_b)]
        while pending:
            name, a, b = pending.pop()
            for key, child_a, child_b in reversed(self.one(name, a, b)):
                pending.append((name + "." + key if name else key, child_a, child_b))

    def one(self, name, a, b):
        """Compares two values by themselves; returns their children, still to be compared."""
        if (id(a), id(b)) in self.seen and not isinstance(a, torch.Tensor):
            return []
        self.seen.add((id(a), id(b)))
        if type(a) is not type(b) and not (self.options.ignore_classes and isinstance(a, Mapping)
                                           and isinstance(b, Mapping)):
            if not (isinstance(a, torch.Tensor) and isinstance(b, torch.Tensor) and self.options.ignore_classes):
                self.differ(name, "type", type(a), type(b))
                return []
        if isinstance(a, torch.Tensor):
            self.tensors(name, a, b)
            return []
        if isinstance(a, (numpy.ndarray, numpy.generic)):
            if a.dtype != b.dtype or a.shape != b.shape or a.tobytes() != b.tobytes():
                self.differ(name, "array", a, b)
            return []
        if isinstance(a, Mapping):
            if list(map(repr, a.keys())) != list(map(repr, b.keys())):
                self.differ(name, "keys", list(a.keys()), list(b.keys()))
                return []
            below = [(str(key), a[key], b[key]) for key in a]
            if not self.options.ignore_classes and hasattr(a, "__dict__"):
                below.append(("__dict__", a.__dict__, b.__dict__))
            return below
        if isinstance(a, (list, tuple)):
            if len(a) != len(b):
                self.differ(name, "length", len(a), len(b))
                return []
            return [(str(position), x, y) for position, (x, y) in enumerate(zip(a, b))]
        if isinstance(a, float):
            if struct.pack("d", a) != struct.pack("d", b):
                self.differ(name, "value", a, b)
            return []
        if listing.children(a) is not None:
            return [("__dict__", a.__dict__, b.__dict__)]
        if a != b and repr(a) != repr(b):
            self.differ(name, "value", a, b)
        return []

    def tensors(self, name, a, b):
        for what in ("dtype", "layout", "shape", "requires_grad"):
            if getattr(a, what) != getattr(b, what):
                self.differ(name, what, getattr(a, what), getattr(b, what))
                return
        if not self.options.ignore_classes and getattr(a, "__dict__", None) and sorted(a.__dict__) != sorted(b.__dict__):
            self.differ(name, "attributes", sorted(a.__dict__), sorted(b.__dict__))
        for (suffix, x), (_, y) in zip(listing.parts(a), listing.parts(b)):
            self.kept += [x, y]
            self.strided(name + suffix, x, y)

    def strided(self, name, a, b):
        if (a.dtype, a.shape, a.device) != (b.dtype, b.shape, b.device):
            return self.differ(name, "kind", (a.dtype, a.shape, a.device), (b.dtype, b.shape, b.device))
        if not self.options.ignore_strides and (a.stride(), a.storage_offset()) != (b.stride(), b.storage_offset()):
            self.differ(name, "strides and offset", (a.stride(), a.storage_offset()), (b.stride(), b.storage_offset()))
        if a.is_quantized and a.qscheme() == torch.per_tensor_affine:
            if (a.q_scale(), a.q_zero_point()) != (b.q_scale(), b.q_zero_point()):
                self.differ(name, "quantizer", (a.q_scale(), a.q_zero_point()), (b.q_scale(), b.q_zero_point()))
        if (a.is_conj(), a.is_neg()) != (b.is_conj(), b.is_neg()):
            self.differ(name, "conjugated, negated", (a.is_conj(), a.is_neg()), (b.is_conj(), b.is_neg()))
        if a.device.type == "meta":
            return None
        if listing.contiguous_bytes(a) != listing.contiguous_bytes(b):
            self.differ(name, "elements", a, b)
        if not self.options.ignore_sharing:
            group_a = self.groups_a.setdefault(listing.storage_identity(a), len(self.groups_a))
            group_b = self.groups_b.setdefault(listing.storage_identity(b), len(self.groups_b))
            if group_a != group_b:
                self.differ(name, "shared storage", group_a, group_b)
            if listing.storage_bytes(a) != listing.storage_bytes(b):
                self.differ(name, "storage", len(listing.storage_bytes(a)), len(listing.storage_bytes(b)))
        return None


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("a")
    parser.add_argument("b")
    parser.add_argument("--weights-only", choices=["none", "a", "b", "both"], default="none",
                        help="which of the files is loaded with weights_only=True")
    parser.add_argument("--mmap", choices=["none", "a", "b", "both"], default="none",
                        help="which of the files is loaded with mmap=True (PyTorch 2.1 and newer)")
    parser.add_argument("--ignore-strides", action="store_true", help="same elements in another memory layout are equal")
    parser.add_argument("--ignore-sharing", action="store_true", help="storages need not be the same, only elements")
    parser.add_argument("--ignore-classes", action="store_true",
                        help="OrderedDict equals dict, Parameter equals Tensor, attributes of either do not count")
    options = parser.parse_args()
    loaded = []
    for side, path in (("a", options.a), ("b", options.b)):
        try:
            loaded.append(listing.load(path, weights_only=options.weights_only in (side, "both"),
                                       mmap=options.mmap in (side, "both")))
        except Exception as error:
            print("%s: cannot be loaded: %s: %.1000s" % (path, type(error).__name__, error))
            sys.exit(2)
    comparison = Comparison(options)
    comparison.compare(*loaded)
    for difference in comparison.differences[:50]:
        print(difference)
    if len(comparison.differences) > 50:
        print("and %d more" % (len(comparison.differences) - 50))
    sys.exit(1 if comparison.differences else 0)


if __name__ == "__main__":
    main()
