"""Pointer files as others see them: PyTorch itself, and the Python package of this repository.

    pointer_files.py torch FILE MAP_LOCATION WEIGHTS_ONLY   what torch.load hands to the pointers' global
    pointer_files.py read FILE                              what cairn_ckpt reads from the file
    pointer_files.py write FILE JSON LOCATION...            has cairn_ckpt write a pointer with these fields
    pointer_files.py escape NAME...                         names as cairn_ckpt escapes them
"""
import json
import os
import sys
import types

HERE = os.path.dirname(os.path.abspath(__file__))
PACKAGE = os.path.join(os.path.dirname(os.path.dirname(HERE)), "Sources", "Python")


def by_torch(path, map_location, weights_only):
    import torch

    def pip_install_cairn_ckpt(fields):
        probes = {location: str(probe.device) for location, probe in fields["probes"].items()}
        return {**fields, "probes": probes}

    pip_install_cairn_ckpt.__module__ = "cairn_ckpt"
    pip_install_cairn_ckpt.__qualname__ = "pip_install_cairn_ckpt"
    module = types.ModuleType("cairn_ckpt")
    module.pip_install_cairn_ckpt = pip_install_cairn_ckpt
    sys.modules["cairn_ckpt"] = module
    torch.serialization.add_safe_globals([pip_install_cairn_ckpt])
    return torch.load(path, map_location=map_location or None, weights_only=weights_only == "true")


def main():
    command, arguments = sys.argv[1], sys.argv[2:]
    if command == "torch":
        print(json.dumps(by_torch(*arguments)))
        return
    sys.path.insert(0, PACKAGE)
    from cairn_ckpt import _paths, _pointer

    if command == "read":
        print(json.dumps(_pointer.read(arguments[0]).fields()))
    elif command == "write":
        pointer = _pointer.from_fields(json.loads(arguments[1]))
        _pointer.write(arguments[0], pointer, arguments[2:])
    else:
        print(json.dumps([_paths.escaped(name) for name in arguments]))


if __name__ == "__main__":
    main()
