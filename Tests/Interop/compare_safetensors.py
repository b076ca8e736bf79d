#!/usr/bin/env python3
"""Says whether a safetensors file, read by the safetensors package, holds what another file or a sidecar says.

    compare_safetensors.py [options] A.safetensors B

B is a sidecar (.json), a .safetensors file, or whatever torch.load reads. Compared are names, dtypes, shapes and
elements. Exit status: 0 equal, 1 different (each difference on a line), 2 one of them could not be read.
"""
import argparse
import json
import sys

import listing


def expected(path):
    if path.endswith(".json"):
        with open(path) as file:
            return json.load(file)
    return listing.describe_safetensors(path) if path.endswith(".safetensors") else listing.describe(path)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("a")
    parser.add_argument("b")
    parser.add_argument("--strip", default="", metavar="PREFIX",
                        help="only tensors of B whose name starts so count, and are called by the rest of it")
    parser.add_argument("--subset", action="store_true", help="A may lack tensors that B has")
    parser.add_argument("--metadata", action="append", default=[], metavar="KEY=VALUE",
                        help="A's string metadata must have this")
    options = parser.parse_args()
    try:
        found = listing.describe_safetensors(options.a)
        wanted = expected(options.b)
    except Exception as error:
        print("cannot be read: %s: %.1000s" % (type(error).__name__, error))
        sys.exit(2)
    a = {entry["name"]: entry for entry in found["tensors"]}
    b = {entry["name"][len(options.strip):]: entry for entry in wanted["tensors"]
         if entry["name"].startswith(options.strip)}
    differences = ["%s: not in %s" % (name, options.b) for name in a if name not in b]
    if not options.subset:
        differences += ["%s: not in %s" % (name, options.a) for name in b if name not in a]
    for name in a:
        for what in ("dtype", "shape", "contiguous_sha256"):
            if name in b and a[name][what] != b[name][what]:
                differences.append("%s: %s: %s != %s" % (name, what, a[name][what], b[name][what]))
    for pair in options.metadata:
        key, _, value = pair.partition("=")
        if (found["metadata"] or {}).get(key) != value:
            differences.append("metadata %s: %r != %r" % (key, (found["metadata"] or {}).get(key), value))
    print("\n".join(differences))
    sys.exit(1 if differences else 0)


if __name__ == "__main__":
    main()
