#!/usr/bin/env python3
"""Prints what PyTorch says of a .pt or .ckpt file (or the safetensors package of a .safetensors file), as JSON.

    describe.py FILE
"""
import json
import sys

import listing


def main():
    if len(sys.argv) != 2:
        sys.exit(__doc__)
    path = sys.argv[1]
    description = listing.describe_safetensors(path) if path.endswith(".safetensors") else listing.describe(path)
    json.dump(description, sys.stdout, indent=1)
    print()


if __name__ == "__main__":
    main()
