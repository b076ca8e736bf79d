"""Writes <file>.json beside a fixture: what PyTorch (or the safetensors package) says of it."""
import json

import listing


def write(path, **more):
    description = listing.describe_safetensors(path) if path.endswith(".safetensors") else listing.describe(path)
    description.update(more)
    with open(path + ".json", "w") as file:
        json.dump(description, file, indent=1, sort_keys=False)
        file.write("\n")
