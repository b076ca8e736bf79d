"""Together: eight processes, with threads in them, save, overwrite, remove, prune, verify, collect and load checkpoints of
one repository, which overlap, for some time.

Each load gives just what some save has put there, or says that it was removed. Nobody waits for ever, nobody hears that
the database is locked. One process keeps a checkpoint open and mapped all the time: it keeps nobody from saving, and its
bytes stay. In the end references are recounted, and all that is there is read.

  python3 Tests/Crash/together.py                     some seconds in each journal mode
  python3 Tests/Crash/together.py --seconds 1800      half an hour in each
"""

import json
import os
import random
import signal
import sqlite3
import subprocess
import sys
import threading
import time
import traceback

import tools
from checker import Checker
from materials import cairn, environment

CLI, LIBRARY, THREADS = 3, 5, 2
PATHS = ["a", "b", "c", "last"]
KIB = 1024
# What saves share: each content is made of some of these.
PIECES = [random.Random(number).randbytes(64 * KIB) for number in range(6)]
# An answer that says that somebody has removed what was asked for.
REMOVED = ("was removed", "not found", "no checkpoint", "removed faster", "not there", "no such")
FORBIDDEN = ("database is locked", "SQLITE_BUSY", "database table is locked")


def content(text: str) -> bytes:
    """What a save that says this holds: a line that names it, and what follows from the line alone."""
    generator = random.Random(text)
    pieces = b"".join(generator.choice(PIECES) for _ in range(generator.randrange(1, 4)))
    head = text.encode().ljust(64)
    return head + pieces + generator.randbytes(generator.randrange(10, 3_000))


def check_content(data: bytes) -> str | None:
    """What is wrong with what was loaded; None if some save has put it there."""
    text = data[:64].decode(errors="replace").rstrip()
    return None if content(text) == data else f"{len(data)} bytes that begin with {data[:64]!r}: nobody has saved them"


class Worker:
    """A process of its own in which threads work until it is told to end; what went wrong goes to standard output."""

    def __init__(self, name: str, root: str, cairn_program: str, seed: int, out: int):
        self.name, self.root, self.program, self.out = name, root, cairn_program, out
        self.lock = threading.Lock()
        self.ends = threading.Event()
        self.counts: dict[str, int] = {}
        self.seed = seed

    def run(self) -> None:
        signal.signal(signal.SIGTERM, lambda *_: self.ends.set())
        self.say({"ready": True})
        threads = [threading.Thread(target=self.work, args=(number,)) for number in range(THREADS)]
        for thread in threads:
            thread.start()
        for thread in threads:
            while thread.is_alive():
                thread.join(0.2)
        self.say({"counts": self.counts})

    def say(self, what: dict) -> None:
        with self.lock:
            os.write(self.out, json.dumps(what).encode() + b"\n")

    def problem(self, text: str) -> None:
        self.say({"problem": f"{self.name}: {text}"})

    def count(self, what: str) -> None:
        with self.lock:
            self.counts[what] = self.counts.get(what, 0) + 1

    def work(self, thread: int) -> None:
        generator = random.Random(f"{self.seed} {self.name} {thread}")
        number = 0
        while not self.ends.is_set():
            number += 1
            what = generator.choices(
                ["save", "replace", "load", "load at", "remove", "prune", "log", "verify", "gc"],
                [20, 20, 30, 10, 8, 4, 6, 2, 2])[0]
            try:
                self.act(what, generator.choice(PATHS), f"{self.name}.{thread}.{number}", generator)
                self.count(what)
            except Exception:
                self.problem(f"{what}: {traceback.format_exc()}")

    def judge(self, what: str, said: str, may_be_gone: bool) -> None:
        """Looks at what an operation that has failed said."""
        if any(text in said for text in FORBIDDEN) or not (may_be_gone and any(text in said for text in REMOVED)):
            self.problem(f"{what}: {said}")
        else:
            self.count("said to be removed")


class CommandLine(Worker):
    """Runs `cairn`."""

    def call(self, arguments: list[str], may_be_gone: bool) -> bool:
        done = subprocess.run(
            [self.program, *arguments], cwd=self.root, env=environment(self.root), stdin=subprocess.DEVNULL,
            capture_output=True, text=True, timeout=300)
        if done.returncode != 0 or any(text in done.stderr for text in FORBIDDEN):
            self.judge(" ".join(arguments[:3]), f"({done.returncode}) {done.stderr} {done.stdout[:400]}", may_be_gone)
        return done.returncode == 0

    def act(self, what: str, path: str, text: str, generator: random.Random) -> None:
        own = f"{self.root}/{text}"
        if what in ("save", "replace"):
            with open(own, "wb") as file:
                file.write(content(text))
            keep = ["--keep-versions", str(generator.choice([1, 3]))] if what == "replace" else []
            self.call(["save", own, "--as", path, *keep], False)
            os.unlink(own)
        elif what in ("load", "load at"):
            name = path if what == "load" else f"{path}@{generator.randrange(1, 30)}"
            if self.call(["restore", name, "--output", own], True):
                with open(own, "rb") as file:
                    wrong = check_content(file.read())
                if wrong:
                    self.problem(f"restore {name}: {wrong}")
                os.unlink(own)
        elif what == "remove":
            self.call(["rm", "--force", path], True)
        elif what == "prune":
            self.call(["prune", "--keep-last", "2", path], True)
        else:
            self.call({"log": ["log"], "verify": ["verify", "--read-data"], "gc": ["gc"]}[what], False)


class Library(Worker):
    """Uses the Python package, one handle for all its threads."""

    def __init__(self, *arguments):
        super().__init__(*arguments)
        import cairn_ckpt
        import torch
        self.cairn_ckpt, self.torch = cairn_ckpt, torch
        self.repository = cairn_ckpt.Repository(self.root)

    def act(self, what: str, path: str, text: str, generator: random.Random) -> None:
        try:
            self.do(what, path, text, generator)
        except (self.cairn_ckpt.CairnError, FileNotFoundError) as error:
            self.judge(f"{what} {path}", str(error), what in ("load", "load at", "remove", "prune"))

    def do(self, what: str, path: str, text: str, generator: random.Random) -> None:
        path = "state/" + path
        if what in ("save", "replace"):
            data = self.torch.frombuffer(bytearray(content(text)), dtype=self.torch.uint8)
            keep = generator.choice([1, 3]) if what == "replace" else None
            self.repository.save({"data": data, "text": text}, path, keep_versions=keep)
        elif what in ("load", "load at"):
            name = path if what == "load" else f"{path}@{generator.randrange(1, 30)}"
            state = self.repository.load(name)
            # A mapped tensor has to stay what it is, whatever is removed meanwhile.
            for pause in (0.0, 0.05):
                time.sleep(pause)
                data = state["data"].numpy().tobytes()
                if data != content(state["text"]):
                    self.problem(f"load {name}: {check_content(data) or 'the bytes of another save'}")
        elif what in ("remove", "prune"):
            if what == "remove":
                self.repository.remove(path)
            else:
                self.repository.prune(path, keep_last=2)
        elif what == "log":
            self.repository.log()
        elif what == "verify":
            # Others do that by the command line; here it is the views.
            self.repository.query("SELECT count(*) FROM checkpoints")
        else:
            self.repository.stats()


class LongReader:
    """Keeps a read transaction on the index and a mapped checkpoint open from beginning to end."""

    def __init__(self, root: str, journal: str):
        import cairn_ckpt
        import torch
        self.repository = cairn_ckpt.Repository(root)
        self.bytes = content("the long reader's")
        data = torch.frombuffer(bytearray(self.bytes), dtype=torch.uint8)
        self.repository.save({"data": data}, "long")
        self.state = self.repository.load("long")
        self.database = None
        # In the other mode a reader blocks by the nature of rollback journals, and Cairn itself never reads for long.
        if journal == "wal":
            self.database = sqlite3.connect(f"file:{root}/.cairn/index.sqlite?mode=ro", uri=True, isolation_level=None)
            self.database.execute("BEGIN")
            self.database.execute("SELECT count(*) FROM checkpoint").fetchone()
        self.repository.remove("long")

    def end(self) -> list[str]:
        if self.database:
            self.database.close()
        same = self.state["data"].numpy().tobytes() == self.bytes
        return [] if same else ["the bytes that the long reader had mapped have changed"]


class Child:
    """A worker, forked from a process that has used nothing of Cairn yet, and what it says."""

    def __init__(self, kind: type[Worker], name: str, root: str, options):
        self.name = name
        reading, writing = os.pipe()
        self.process = os.fork()
        if not self.process:
            os.setsid()
            os.close(reading)
            status = 1
            try:
                kind(name, root, os.path.abspath(options.build) + "/cairn", options.seed, writing).run()
                status = 0
            finally:
                os._exit(status)
        os.close(writing)
        self.said = os.fdopen(reading)
        self.said.readline()
        self.lines: list[str] = []
        self.reader = threading.Thread(target=lambda: self.lines.extend(self.said))

    def has_ended(self) -> int | None:
        """Its exit status, once it has ended."""
        process, status = os.waitpid(self.process, os.WNOHANG)
        return os.waitstatus_to_exitcode(status) if process else None

    def end(self, deadline: float) -> list[str]:
        """Waits for it to end; gives its problems."""
        while (status := self.has_ended()) is None:
            if time.monotonic() > deadline:
                os.killpg(self.process, signal.SIGKILL)
                os.waitpid(self.process, 0)
                return [f"{self.name}: still waiting long after it was told to end"]
            time.sleep(0.02)
        return [] if status == 0 else [f"{self.name} ended with {status}"]


def race(journal: str, root: str, programs: tools.Programs, options, report: tools.Report) -> None:
    os.makedirs(root)
    cairn(programs.cairn, ["init", "--chunk-size", "64K", "--journal", journal], root).check_returncode()
    children = [Child(CommandLine, f"cli{number}", root, options) for number in range(CLI)]
    children += [Child(Library, f"library{number}", root, options) for number in range(LIBRARY)]
    for child in children:
        child.reader.start()
    reader = LongReader(root, journal)
    time.sleep(options.seconds)
    for child in children:
        os.kill(child.process, signal.SIGTERM)
    deadline = time.monotonic() + options.watchdog
    problems: list[str] = []
    for child in children:
        problems += child.end(deadline)
    for child in children:
        child.reader.join()
        for said in map(json.loads, child.lines):
            if "problem" in said:
                problems.append(said["problem"])
            for what, count in said.get("counts", {}).items():
                report.count(what, count)
    problems += reader.end()
    checker = Checker(programs.checker)
    answer = checker.ask(root + "/.cairn", "everything")
    checker.close()
    problems += answer["problems"]
    if problems:
        report.fail(journal, problems[:20])


def in_child(journal: str, place: str, programs: tools.Programs, options, report: tools.Report) -> None:
    """Runs a race in a process of its own, so that the next one is forked from one that has used nothing yet."""
    out = f"{place}/{journal}-report"
    child = os.fork()
    if not child:
        try:
            race(journal, f"{place}/{journal}", programs, options, report)
        except BaseException:
            report.fail(journal, [traceback.format_exc()])
        with open(out, "w") as file:
            json.dump([report.failures, report.counts], file)
        os._exit(0)
    os.waitpid(child, 0)
    failures, counts = json.load(open(out))
    report.failures += failures
    for what, count in counts.items():
        report.count(what, count)


def main() -> int:
    parser = tools.option_parser(__doc__)
    parser.add_argument("--seconds", type=float, default=6, help="in each journal mode")
    parser.add_argument("--watchdog", type=float, default=120, help="how long one may take to end, in seconds")
    options = parser.parse_args()
    report = tools.Report(options)
    with tools.scratch(options) as place:
        programs = tools.Programs(options, place)
        os.environ.update(
            environment(place), CAIRN_LIBRARY=os.path.abspath(options.build) + "/libCairnC.so",
            XDG_CONFIG_HOME=place + "/config")
        sys.path.insert(0, os.path.abspath(os.path.join(tools.HERE, "../../Sources/Python")))
        import cairn_ckpt  # noqa: F401
        import torch
        torch.set_num_threads(1)
        for journal in ["wal", "delete"]:
            # A report says what it has counted in all.
            report.counts, before = {}, report.counts
            in_child(journal, place, programs, options, report)
            for what, count in before.items():
                report.count(what, count)
    return report.end("together")


if __name__ == "__main__":
    sys.exit(main())
