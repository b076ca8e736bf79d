"""Cairn and what its users would pick instead, in turn in the same run.

usage: cairn-bench peers, which says where Cairn's program and library are; or by hand
CAIRN_PROGRAM=.../cairn CAIRN_LIBRARY=.../libCairnC.so python Sources/Benchmarks/Peers [options]
"""

from __future__ import annotations

import argparse
import os
import shutil
import sys
import tempfile
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "Python"))


def arguments() -> argparse.Namespace:
    """What is asked for."""
    parser = argparse.ArgumentParser(prog="cairn-bench peers", description=__doc__.splitlines()[0])
    parser.add_argument("--size", type=int, default=1024, help="MiB of tensors (1024)")
    parser.add_argument("--rounds", type=int, default=5, help="how often each thing is timed (5)")
    parser.add_argument("--only", default="", help="workloads, with commas between: see --list")
    parser.add_argument("--list", action="store_true", help="name the workloads, and end")
    parser.add_argument("--blobs", type=int, default=1_000_000, help="of the workload million")
    parser.add_argument("--directory", type=Path, default=Path(), help="where the data is put (here)")
    parser.add_argument(
        "--full-cache", action="store_true",
        help="have the page cache take all memory that is free, as on a machine in use; not for a directory in memory")
    parser.add_argument("--json", type=Path, help="a file for every single time")
    parser.add_argument("--svg", type=Path, help="a file for a plot")
    parser.add_argument("--program", default=os.environ.get("CAIRN_PROGRAM", "cairn"), help="Cairn's")
    return parser.parse_args()


def main() -> int:
    """Runs the workloads, and prints what they came to; 1 if a bar is missed."""
    asked = arguments()
    import measuring
    import report
    import workloads

    if asked.list:
        for name, workload in workloads.ALL.items():
            print(f"{name:<14} {(workload.__doc__ or '').splitlines()[0]}")
        return 0
    names = [name for name in asked.only.split(",") if name]
    unknown = [name for name in names if name not in workloads.ALL]
    if unknown or asked.size < 1 or asked.rounds < 1:
        print(f"cairn-bench: no workload {unknown}, or a size or rounds below 1", file=sys.stderr)
        return 64
    names = names or [name for name in workloads.ALL if name not in workloads.UNASKED]

    json_path, svg_path = (path and path.resolve() for path in (asked.json, asked.svg))
    program = shutil.which(asked.program) or asked.program
    directory = Path(tempfile.mkdtemp(prefix="cairn-bench-", dir=asked.directory.resolve()))
    # Neither the user's configuration nor a repository above takes part.
    os.environ.update(HOME=str(directory), XDG_CONFIG_HOME=str(directory / "config"))
    os.environ.pop("CAIRN_REPO", None)
    results = workloads.Results()
    bench = workloads.Bench(
        directory, asked.size, asked.rounds, os.path.abspath(program), results, asked.blobs)
    about = f"{report.machine(directory)}; {asked.size} MiB, {asked.rounds} rounds{', page cache full' if asked.full_cache else ''}"
    if asked.full_cache:
        measuring.full_cache = measuring.FullCache(directory)
    try:
        for name in names:
            start = time.perf_counter()
            workloads.ALL[name](bench)
            print(f"{name}: {time.perf_counter() - start:.0f} s", file=sys.stderr, flush=True)
            for child in directory.iterdir():
                shutil.rmtree(child, ignore_errors=True)
    finally:
        shutil.rmtree(directory, ignore_errors=True)
    print(report.text(results, about), end="")
    if json_path is not None:
        report.write_json(results, about, json_path)
    if svg_path is not None:
        import plot

        plot.write(results, about, svg_path)
    return 0 if all(bar.is_met for bar in report.bars(results)) else 1


if __name__ == "__main__":
    sys.exit(main())
