#!/usr/bin/env python3
"""Makes the fixtures anew, in the folder of this script (or the one that --into names).

    /usr/bin/python3 make_fixtures.py           PyTorch 1.13 (Debian's python3-torch): pytorch-1.13/
    .venv/bin/python make_fixtures.py           the newest PyTorch: everything else
    … make_fixtures.py --only safetensors bad   some folders only

README.md lists the files, and which of them come out byte for byte the same in every run.
"""
import argparse
import os
import sys

HERE = os.path.dirname(os.path.abspath(__file__))
sys.dont_write_bytecode = True
sys.path[:0] = [HERE, os.path.join(os.path.dirname(HERE), "Interop")]

import torch  # noqa: E402


def main():
    newest = int(torch.__version__.split(".")[0]) >= 2
    folders = ["pytorch-2.x", "safetensors", "finetune", "topk", "dcp", "bad"] if newest else ["pytorch-1.13"]
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--only", nargs="+", choices=folders, default=folders)
    parser.add_argument("--into", default=HERE)
    options = parser.parse_args()
    torch.set_num_threads(1)
    for folder in options.only:
        print(folder, flush=True)
        make(folder, os.path.join(os.path.abspath(options.into), folder))


def make(folder, path):
    if folder.startswith("pytorch-"):
        from fixture_makers import pytorch_files
        pytorch_files.make(path)
    elif folder in ("finetune", "topk"):
        from fixture_makers import lightning_runs
        lightning_runs.make(folder, path)
    elif folder == "safetensors":
        from fixture_makers import safetensors_files
        safetensors_files.make(path)
    elif folder == "dcp":
        from fixture_makers import distributed
        distributed.make(path)
    else:
        from fixture_makers import bad_files
        bad_files.make(path)


if __name__ == "__main__":
    main()
