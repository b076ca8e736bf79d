"""Faults: each call of a command in turn fails, in each way in which such a call can.

Then the command has done what it was to do, or says what went wrong at which path and has left the repository as it was;
only where its line could not be made durable it may be either, and it says so. What an interrupted call or a short read
or write is, nobody notices. Afterwards gc, verify, reindex and a save find everything sound.

  python3 Tests/Crash/faults.py                   a sample
  python3 Tests/Crash/faults.py --faults 0        all of them: hours
"""

import errno
import json
import os
import random
import shutil
import sys
import traceback

import calltrace
import scenarios
import tools
from checker import Checker, names
from materials import Materials, cairn

OPEN_OUTCOME = 8

# How calls fail: an errno, once; with a +, from there on whatever needs room.
NO_SPACE, IO, QUOTA, INTERRUPTED, TOO_MANY = (str(code) for code in (
    errno.ENOSPC, errno.EIO, errno.EDQUOT, errno.EINTR, errno.EMFILE))
WAYS = {
    calltrace.OPEN: [TOO_MANY, IO, INTERRUPTED],
    calltrace.WRITE: [NO_SPACE, "+" + NO_SPACE, QUOTA, IO, INTERRUPTED, "short"],
    calltrace.TRUNCATE: [IO, "+" + NO_SPACE, INTERRUPTED],
    calltrace.RENAME: [IO, NO_SPACE, "+" + NO_SPACE],
    calltrace.UNLINK: [IO],
    calltrace.MKDIR: [NO_SPACE, "+" + NO_SPACE, IO],
    calltrace.RMDIR: [IO],
    calltrace.SYNC: [IO, NO_SPACE, QUOTA, INTERRUPTED],
    calltrace.ALLOCATE: [NO_SPACE],
    calltrace.READ: [IO, INTERRUPTED, "short"],
    calltrace.LIST: [IO, TOO_MANY],
    calltrace.STATUS: [IO],
    calltrace.MODE: [str(errno.EPERM)],
    calltrace.LOCK: [str(errno.ENOLCK), IO, INTERRUPTED],
}
# What has to go unnoticed.
HARMLESS = {INTERRUPTED, "short"}


def commands(file) -> dict[str, list[str]]:
    return {
        "save": ["save", file("three"), "--as", "n", "--run", "q", "--tag", "t", "--metric", "loss=0.5"],
        "replace": ["save", file("many.safetensors"), "--as", "a", "--keep-versions", "1"],
        "rm": ["rm", "--force", "b"],
        "prune": ["prune", "--keep-last", "1", "a", "f"],
        "gc": ["gc"],
        "reindex": ["reindex"],
        "verify": ["verify", "--read-data"],
        "tag": ["tag", "best", "a"],
        "mv": ["mv", "b", "z"],
        "annotate": ["annotate", "b", "--meta", "k=1"],
        "log": ["log"],
    }


class Start:
    """A repository that commands begin with, copied for each."""

    def __init__(self, journal: str, place: str, programs: tools.Programs, materials: Materials):
        root = place + "/start"
        os.makedirs(root)
        more = [
            # Versions to prune, a pack to be rewritten, blobs that only another needs.
            (["save", materials.path("three"), "--as", "a", "--meta", "v=2"], {}),
            (["save", materials.path("many.safetensors"), "--as", "m"], {}),
            (["save", materials.path("few.safetensors"), "--as", "f", "--tag", "small"], {}),
            (["rm", "--force", "m"], {}),
            # And a writer that died with everything in place.
            (["save", materials.path("many.safetensors"), "--as", "dead"],
             programs.interposed(root, fault="write:log.jsonl:1:kill")),
        ]
        for arguments, env in [(arguments, {}) for arguments in scenarios.before(journal, materials)] + more:
            done = cairn(programs.cairn, arguments, root, **env)
            if done.returncode not in (0, -9):
                raise RuntimeError(f"{arguments}: {done.stderr}")
        self.files: list[tuple[str, bytes]] = []
        self.directories: list[str] = []
        for parent, directories, files in os.walk(root):
            under = os.path.relpath(parent, root)
            if files or "/blobs/" not in parent:
                self.directories.append(under)
            for name in files:
                if name.endswith("-shm"):
                    continue
                with open(f"{parent}/{name}", "rb") as file:
                    self.files.append((f"{under}/{name}", file.read()))

    def copy(self, root: str) -> None:
        for directory in self.directories:
            os.makedirs(f"{root}/{directory}", exist_ok=True)
        for name, content in self.files:
            with open(f"{root}/{name}", "wb") as file:
                file.write(content)


def without_new_ids(state: str | None, before: str | None) -> str | None:
    """A state in which checkpoints that were not there before have no id, which is another each time, and no manifest,
    which names other packs where a look into those that are there has failed."""
    if state is None:
        return None
    known = {found["id"] for found in json.loads(before or "[]")}
    return json.dumps([
        {key: value for key, value in found.items() if key not in ("id", "manifest") or found["id"] in known}
        for found in json.loads(state)])


class Trial:
    def __init__(self, name: str, arguments: list[str], start: Start, place: str, programs, options, report):
        self.name = name
        self.arguments = arguments
        self.start = start
        self.place = place
        self.programs = programs
        self.options = options
        self.report = report
        self.checker = Checker(programs.checker)
        self.said: dict[str, int] = {}

    def run(self, limit: int) -> None:
        root = self.place + "/probe"
        self.start.copy(root)
        self.before = self.checker.ask(root + "/.cairn", "contents")["state"]
        shutil.rmtree(root)
        self.start.copy(root)
        done = cairn(self.programs.cairn, self.arguments, root, **self.programs.interposed(root, self.place + "/trace"))
        if done.returncode != 0:
            raise RuntimeError(f"{self.name}: {done.returncode}: {done.stderr}")
        self.after = self.checker.ask(root + "/.cairn", "contents")["state"]
        shutil.rmtree(root)
        calls = calltrace.read(self.place + "/trace")
        faults = [(call, way) for call in calls for way in WAYS.get(call.operation, [])
                  if not (call.path.endswith("-shm") or call.target.endswith("-shm"))]
        total = len(faults)
        if limit and limit < total:
            # What changes something is more likely to go wrong.
            generator = random.Random(f"{self.options.seed} {self.name}")
            changing = [fault for fault in faults if fault[0].operation in calltrace.CHANGES]
            reading = [fault for fault in faults if fault[0].operation not in calltrace.CHANGES]
            some = min(len(changing), limit * 3 // 4)
            faults = generator.sample(changing, some) + generator.sample(reading, min(len(reading), limit - some))
        for call, way in faults:
            self.inject(call, way)
            if len(self.report.failures) >= self.options.failures:
                break
        self.report.count("faults", len(faults))
        self.report.add(f"{self.name}: {len(calls)} calls, {len(faults)} of {total} faults")
        if self.options.messages:
            for message, count in sorted(self.said.items()):
                self.report.add(f"  {count:5} {message}")
        self.checker.close()

    def inject(self, call: calltrace.Call, way: str) -> None:
        root = self.place + "/trial"
        self.start.copy(root)
        fault = f"{call.number}{way[0]}:{way[1:]}" if way[0] == "+" else f"{call.number}:{way}"
        trace = self.place + "/trial-trace"
        where = f"{self.name}, call {call.number} ({call}) fails with {way if way == 'short' else name_of(way)}"
        done = cairn(self.programs.cairn, self.arguments, root, **self.programs.interposed(root, trace, fault))
        # Threads make the calls of two runs differ: what has failed here?
        failed = [seen for seen in calltrace.read(trace) if seen.number == call.number]
        os.unlink(trace)
        if failed and str(failed[0]) != str(call):
            where += f"; in this run {failed[0]}"
        # SQLite does not repeat an fsync, nor a stat.
        is_harmless = way in HARMLESS and not any(
            seen.operation not in WAYS or way not in WAYS[seen.operation]
            or seen.operation == calltrace.SYNC and "/blobs/" not in seen.path and "/tmp/" not in seen.path
            for seen in failed or [call])
        answer = self.checker.ask(root + "/.cairn", "everything")
        shutil.rmtree(root)
        problems = answer["problems"]
        state, before, after = answer["state"], self.before, self.after
        is_before, is_after = state == before, without_new_ids(state, before) == without_new_ids(after, before)
        code = done.returncode
        if code < 0:
            problems.append(f"the command died of signal {-code}")
        elif code == 0:
            if not is_after:
                problems.append(f"done, but there are {names(state)}, not {names(after)}")
        else:
            # `verify` has found what could not be read: that is its answer.
            if code == OPEN_OUTCOME:
                if not (is_before or is_after):
                    problems.append(f"the outcome is open, but there are {names(state)}")
            elif not is_before:
                problems.append(f"failed, but there are {names(state)}, not {names(before)}")
            if is_harmless:
                problems.append("it could have gone on")
            # verify's list of problems names files of the repository from there.
            if root not in done.stderr + done.stdout and "problem: index.sqlite: " not in done.stderr + done.stdout:
                problems.append("the message names no path")
        if problems:
            self.report.fail(where, [*problems, f"exit code {code}", (done.stderr + done.stdout).strip()[:600]])
        said = done.stderr.replace(root, "ROOT")
        said = " ".join("…" if len(word.strip(".zstpack")) > 60 else word for word in said.split())[:240]
        key = f"{code} {name_of(way)} {said}"
        self.said[key] = self.said.get(key, 0) + 1


def name_of(way: str) -> str:
    return way if way == "short" else errno.errorcode[int(way.strip("+"))] + ("+" if way[0] == "+" else "")


def main() -> int:
    parser = tools.option_parser(__doc__)
    parser.add_argument("--faults", type=int, default=5, help="how many for each command; 0: all of them")
    parser.add_argument("--command", action="append", help="only this one (may be repeated)")
    parser.add_argument("--journal", choices=["wal", "delete"])
    parser.add_argument("--messages", action="store_true", help="print what the commands said")
    parser.add_argument("--threads", type=int, default=2)
    options = parser.parse_args()
    report = tools.Report(options)
    with tools.scratch(options) as place:
        programs = tools.Programs(options, place)
        materials = Materials(place + "/files")
        jobs = []
        for journal in ["wal", "delete"]:
            if options.journal and journal != options.journal:
                continue
            start = Start(journal, f"{place}/{journal}", programs, materials)
            for name, arguments in commands(materials.path).items():
                if options.command and name not in options.command:
                    continue
                directory = f"{place}/{name}-{journal}"
                os.makedirs(directory)
                jobs.append((f"{name} {journal}", arguments, start, directory))

        def do(job) -> None:
            try:
                Trial(*job, programs, options, report).run(options.faults)
            except Exception:
                report.fail(job[0], [traceback.format_exc()])
        tools.in_threads(options.threads, jobs, do)
    return report.end("faults")


if __name__ == "__main__":
    sys.exit(main())
