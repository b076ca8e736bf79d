"""Crash points: whatever of the calls not yet fsynced is lost when power goes, what is left is sound.

The calls of commands on a repository are recorded. For each of them the states that the disk can be in right behind it
are made in a directory, and looked at by the checker: every checkpoint whose save had returned is there bit for bit, none
whose removal had returned, by the index as it is and without it; gc, verify, reindex and a save go on from there.

  python3 Tests/Crash/crash_points.py                 a sample
  python3 Tests/Crash/crash_points.py --states 0      all of them: hours
"""

import hashlib
import json
import os
import random
import shutil
import sys
import traceback
from dataclasses import dataclass

import calltrace
import scenarios
import tools
from checker import Checker, names
from disk import ALL, NONE, Directory, Disk, File
from materials import Materials, cairn, make_old

INDEX = ("index.sqlite", "index.sqlite-wal", "index.sqlite-journal", "index.sqlite-shm")
# Shared memory is made anew by whoever opens the index first.
LEFT_OUT = "-shm"


@dataclass
class Choice:
    """What of the open calls has come to the disk."""
    what: str
    kept: frozenset[int] | None
    # Of each file that has open changes; those that are not named are as `others`.
    files: dict[int, object]
    others: str


def choices(disk: Disk, randoms: int) -> list[tuple]:
    """What may be lost behind one call, the most telling first; `choice` makes something of each."""
    found: list[tuple] = [("base", i) for i in range(4)]
    for i in range(len(disk.pending)):
        found += [("lost", i), ("only", i, NONE), ("only", i, ALL)]
    files = disk.open_files()
    for file in files:
        for variant in [NONE, ALL, *file.variants()]:
            found += [("file", file, variant, others) for others in (ALL, NONE) if others != variant]
    if len(disk.pending) + len(files) > 1:
        found += [("random", number) for number in range(randoms)]
    return found


def choice(disk: Disk, what: tuple, seed: str) -> Choice:
    every, nothing = frozenset(range(len(disk.pending))), frozenset()
    if what[0] == "base":
        return [
            Choice("all is there", every, {}, ALL),
            Choice("nothing else is there", nothing, {}, NONE),
            Choice("names are there, contents not", every, {}, NONE),
            Choice("contents are there, names not", nothing, {}, ALL),
        ][what[1]]
    if what[0] == "file":
        _, file, variant, others = what
        rest = "" if others == ALL else ", of others nothing"
        return Choice(f"of inode {file.inode} {variant}{rest}", every, {id(file): variant}, others)
    if what[0] == "random":
        generator = random.Random(f"{seed} {what[1]}")
        kept = disk.closed({i for i in every if generator.random() < 0.5})
        picked = {id(file): generator.choice([ALL, NONE, *file.variants()]) for file in disk.open_files()}
        return Choice(f"random choice {what[1]}", kept, picked, ALL)
    name = disk.pending[what[1]].changes[-1][1]
    if what[0] == "lost":
        return Choice(f"{name} has not changed its name", disk.without(what[1]), {}, ALL)
    rest = "contents are there" if what[2] == ALL else "contents are not there"
    return Choice(f"of names only {name} has changed, {rest}", disk.closed({what[1]}), {}, what[2])


class Recording:
    """A scenario that has been run: its calls, and what was to be where."""

    def __init__(self, scenario, place: str, programs: tools.Programs):
        self.scenario = scenario
        self.place = place
        self.root = place + "/work"
        self.repository = self.root + "/.cairn"
        self.trace = place + "/trace"
        self.kept = place + "/index-files"
        os.makedirs(self.root)
        os.makedirs(self.kept)
        self.marks: list[int] = []
        self.listings: list[dict[str, str | None]] = []
        self.programs = programs
        for arguments in scenario.before:
            self.run(arguments, {})
        if scenario.has_old_index:
            make_old(self.repository)
        self.keep_index()
        # The records of what is done from here on are laid over this.
        self.first = Disk(self.root, os.stat(self.root).st_ino)
        self.first.load()
        for step in scenario.steps:
            self.perform(step)
        self.calls = calltrace.read(self.trace)

    def run(self, arguments: list[str], more: dict[str, str]):
        done = cairn(self.programs.cairn, arguments, self.root, **more)
        if done.returncode not in (0, 8, -9):
            raise RuntimeError(f"cairn {' '.join(arguments)}: {done.returncode}: {done.stderr}")
        return done

    def perform(self, step) -> None:
        more = self.programs.interposed(self.root, self.trace)
        if step.fault:
            more["CAIRN_CRASH_FAULT"] = step.fault
        done = self.run(step.arguments, more)
        expected = {"done": 0, "open": 8, "dead": -9}[step.end]
        if done.returncode != expected:
            raise RuntimeError(f"cairn {' '.join(step.arguments)}: {done.returncode}, not {expected}: {done.stderr}")
        self.marks.append(os.path.getsize(self.trace))
        self.listings.append(tools.listing(self.root, LEFT_OUT))
        self.keep_index()

    def keep_index(self) -> None:
        """A second name for the index: its states are made in the same file, which its write-ahead log knows it by."""
        path = self.repository + "/index.sqlite"
        if os.path.exists(path):
            kept = f"{self.kept}/{os.stat(path).st_ino}"
            if not os.path.exists(kept):
                os.link(path, kept)


class Search:
    def __init__(self, recording: Recording, materials: Materials, options, report):
        self.recording = recording
        self.materials = materials
        self.options = options
        self.report = report
        self.checker = Checker(recording.programs.checker)
        self.pool = recording.place + "/pool"
        os.makedirs(self.pool)
        self.seen: set[bytes] = set()
        self.seen_without_index: set[bytes] = set()
        self.checked = 0
        self.rebuilt = 0
        self.serial = 0
        self.title = recording.scenario.name

    # The disk is played through several times, from the same beginning.
    def disk(self) -> Disk:
        first = self.recording.first
        disk = Disk(self.recording.root, first.top.inode)

        def copy(source: Directory, target: Directory) -> None:
            for name, node in source.durable.items():
                if isinstance(node, File):
                    new = File(node.inode, node.base, node.changed)
                else:
                    new = Directory(node.inode)
                    copy(node, new)
                target.now[name] = target.durable[name] = new
                disk.nodes[new.inode] = new
        copy(first.top, disk.top)
        return disk

    def run(self) -> None:
        calls = self.recording.calls
        ends = self.ends(calls)
        shutil.rmtree(self.recording.root)
        states = self.expected(calls, ends)
        counts, weights = self.count(calls)
        total = sum(counts)
        wanted = round(self.options.states * self.recording.scenario.share) or total
        generator = random.Random(self.options.seed)
        last = set(ends)
        shares = [0.0] * len(calls)
        weight = sum(count * weight for count, weight in zip(counts, weights)) or 1
        for i, count in enumerate(counts):
            shares[i] = min(1.0, wanted * weights[i] / weight) if wanted < total else 1.0
        self.total = total
        step, disk = 0, self.disk()
        for i, call in enumerate(calls):
            changed = disk.apply(call)
            while step < len(ends) and i >= ends[step]:
                step += 1
            if not changed and i not in last:
                continue
            if not changed and wanted < total:
                shares[i] = 0.0
            if shares[i] == 0 and i not in last:
                continue
            seed = f"{self.options.seed} {i}"
            for number, what in enumerate(choices(disk, self.options.randoms)):
                # Behind a command's end all of it and nothing more than it promised are in every sample.
                if not (i in last and number < 2) and generator.random() >= shares[i]:
                    continue
                chosen = choice(disk, what, seed)
                self.look(disk, chosen, states[step], f"{self.title}, after call {i} ({call}), {chosen.what}")
                if len(self.report.failures) >= self.options.failures:
                    return

    def ends(self, calls) -> list[int]:
        """The position of each step's last call."""
        result, at, step = [], 0, 0
        for i, call in enumerate(calls):
            at += calltrace.HEAD.size + len(call.path.encode()) + len(call.target.encode()) + len(call.data)
            if at == self.recording.marks[step]:
                result.append(i)
                step += 1
        if step != len(self.recording.marks):
            raise RuntimeError("the trace does not end where its steps do")
        return result

    def count(self, calls) -> tuple[list[int], list[float]]:
        counts, weights = [], []
        disk = self.disk()
        for i, call in enumerate(calls):
            changed = disk.apply(call)
            node = disk.nodes.get(call.inode)
            counts.append(len(choices(disk, self.options.randoms)) if changed else 0)
            # Most calls are SQLite's, and the index is a cache.
            index = self.index_inodes(disk)
            weights.append(0.3 if isinstance(node, File) and node.inode in index else 1.0)
        return counts, weights

    @staticmethod
    def index_inodes(disk: Disk) -> set[int]:
        repository = disk.top.now.get(".cairn")
        if not isinstance(repository, Directory):
            return set()
        return {node.inode for name, node in repository.now.items() if name in INDEX}

    def expected(self, calls, ends) -> list[set]:
        """What may be found before the end of each step; the last: after them all. Looked up where nothing is lost."""
        allowed: set = {None}
        disk, step = self.disk(), 0
        if ".cairn" in disk.top.now:
            allowed = {self.contents(disk)}
        result = []
        between: set = set()
        for i, call in enumerate(calls):
            disk.apply(call)
            if i != ends[step]:
                if self.recording.scenario.steps[step].in_lines and self.is_line(call, disk):
                    between.add(self.contents(disk))
                continue
            self.compare(disk, self.recording.listings[step])
            state = self.contents(disk)
            end = self.recording.scenario.steps[step].end
            self.compare_content(state, self.recording.scenario.steps[step])
            result.append(allowed | between | {state})
            between = set()
            allowed = {state} if end == "done" else allowed | {state}
            step += 1
            if step == len(ends):
                break
        return result + [allowed]

    @staticmethod
    def is_line(call, disk: Disk) -> bool:
        """Whether a call has written to the log."""
        log = disk.top.now[".cairn"].now.get("log.jsonl")
        return call.operation == calltrace.WRITE and log is not None and call.inode == log.inode

    def compare(self, disk: Disk, listing: dict[str, str | None]) -> None:
        """The recording is complete: what was read off the disk is what the calls have made."""
        mine = {path: None if node is None else hashlib.sha1(node.content(ALL)[0]).hexdigest()
                for path, node in disk.tree(None).items() if not path.endswith(LEFT_OUT)}
        if mine != listing:
            different = [path for path in {*mine, *listing} if mine.get(path, 0) != listing.get(path, 0)]
            raise RuntimeError(f"{self.title}: the record does not give what is there: {different[:5]}")

    def compare_content(self, state: str | None, step) -> None:
        found = {item["name"]: item["content"] for item in json.loads(state or "[]")}
        wanted = {name: self.materials.digests[file] for name, file in step.after.items()}
        if found != wanted:
            raise RuntimeError(f"{self.title}: after {step.arguments} there are {sorted(found)}, not {sorted(wanted)}")

    def contents(self, disk: Disk) -> str | None:
        place = self.make(disk, Choice("", None, {}, ALL), index=True)[0]
        answer = self.checker.ask(place + "/.cairn", "contents")
        shutil.rmtree(place)
        if answer["problems"]:
            raise RuntimeError(f"{self.title}: {answer['problems']}")
        return answer["state"]

    def look(self, disk: Disk, choice: Choice, allowed: set, where: str) -> None:
        for index in (True, False):
            made = self.make(disk, choice, index)
            if made is None:
                continue
            place, has_index = made
            if not index and not has_index:
                shutil.rmtree(place)
                continue
            answer = self.checker.ask(place + "/.cairn", "everything")
            shutil.rmtree(place)
            self.checked += 1
            self.rebuilt += any("rebuilt" in warning for warning in answer["warnings"])
            problems = answer["problems"]
            if answer["state"] not in allowed:
                wanted = " or ".join(sorted(str(names(state)) for state in allowed))
                problems = [f"found {names(answer['state'])}, not {wanted}", *problems]
            if problems:
                self.report.fail(where + ("" if index else ", without the index"), problems)

    def make(self, disk: Disk, choice: Choice, index: bool):
        """Makes a state in a directory of its own: its path, and whether it has an index. None if it was there before."""
        tree = disk.tree(choice.kept)
        content: dict[str, tuple[bytes, int, bytes]] = {}
        has_index = False
        summary = hashlib.sha1(b"" if index else b"no index")
        for path in sorted(tree):
            node = tree[path]
            if path.endswith(LEFT_OUT):
                continue
            if os.path.basename(path) in INDEX and path.count("/") == 1:
                has_index = True
                if not index:
                    continue
            if node is None:
                summary.update(path.encode() + b"/\0")
                continue
            content[path] = found = node.content(choice.files.get(id(node), choice.others))
            summary.update(path.encode() + b"\0" + found[2])
        if choice.kept is not None:
            if summary.digest() in self.seen:
                return None
            self.seen.add(summary.digest())
        self.serial += 1
        place = f"{self.recording.place}/state-{self.serial}"
        os.makedirs(place + "/.cairn", exist_ok=True) if ".cairn" in tree else os.makedirs(place)
        # Directories of blobs that hold none make no difference, and take time.
        wanted = {os.path.dirname(path) for path in content}
        for path in sorted(tree):
            if tree[path] is None and (path in wanted or path.count("/") != 2 or "/tmp" in path):
                os.makedirs(f"{place}/{path}", exist_ok=True)
        for path, (data, changed, digest) in content.items():
            self.write(f"{place}/{path}", path, tree[path], data, changed, digest)
        return place, has_index

    def write(self, to: str, path: str, node: File, data: bytes, changed: int, digest: bytes) -> None:
        if "/blobs/" in path:
            # Never changed under their names: all states share them.
            shared = f"{self.pool}/{digest.hex()}"
            if not os.path.exists(shared):
                with open(shared, "wb") as file:
                    file.write(data)
            os.link(shared, to)
            return
        kept = f"{self.recording.kept}/{node.inode}"
        if path.endswith("index.sqlite") and os.path.exists(kept):
            os.link(kept, to)
        with open(to, "wb") as file:
            file.write(data)
        os.utime(to, ns=(changed, changed))

    def check_pool(self) -> None:
        for name in os.listdir(self.pool):
            with open(f"{self.pool}/{name}", "rb") as file:
                if hashlib.sha1(file.read()).hexdigest() != name:
                    self.report.fail(self.title, ["a blob was changed under its name"])


def search(scenario, place: str, programs, materials, options, report) -> None:
    try:
        recording = Recording(scenario, place, programs)
        found = Search(recording, materials, options, report)
        found.run()
        found.check_pool()
        found.checker.close()
        report.add(f"{scenario.name}: {len(recording.calls)} calls, {found.total} choices of what is lost; "
                   f"{found.checked} different states looked at, {found.rebuilt} of them with an index to be made anew")
        report.count("states", found.checked)
    except Exception:  # In a thread of its own: said at the end.
        report.fail(scenario.name, [traceback.format_exc()])


def main() -> int:
    parser = tools.option_parser(__doc__)
    parser.add_argument("--states", type=int, default=60, help="how many of a scenario's states; 0: all of them")
    parser.add_argument("--randoms", type=int, default=4, help="random choices behind each call")
    parser.add_argument("--scenario", action="append", help="only this one (may be repeated)")
    parser.add_argument("--journal", choices=["wal", "delete"])
    parser.add_argument("--threads", type=int, default=2)
    options = parser.parse_args()
    report = tools.Report(options)
    with tools.scratch(options) as place:
        programs = tools.Programs(options, place)
        materials = Materials(place + "/files")
        jobs = []
        for make in scenarios.ALL:
            for journal in ["wal", "delete"]:
                scenario = make(journal, materials)
                if options.scenario and scenario.name not in options.scenario:
                    continue
                if options.journal and journal != options.journal:
                    continue
                scenario.name += " " + journal
                jobs.append((scenario, f"{place}/{scenario.name.replace(' ', '-')}"))
        tools.in_threads(options.threads, jobs, lambda job: search(*job, programs, materials, options, report))
    return report.end("crash points")


if __name__ == "__main__":
    sys.exit(main())
