"""Kills: processes that save, remove, prune and collect at once are killed with SIGKILL at random moments.

What a process had said to be done is done, what it was at when it died is done whole or not at all, and everything that
is there is sound; now and then a copy of the repository goes through gc, verify, reindex and a save. Half of the kills
are at a random time, half at a random call.

  python3 Tests/Crash/kills.py                    a few rounds
  python3 Tests/Crash/kills.py --rounds 500       more than a thousand kills
"""

import json
import os
import random
import shutil
import signal
import subprocess
import sys
import time
import traceback

import tools
from checker import Checker
from materials import Materials, cairn, environment

WORKERS = 3


class Path:
    """A path of one worker's own: its versions with their contents, and the last number that was given."""

    def __init__(self, name: str):
        self.name = name
        self.versions: dict[int, str] = {}
        self.last = 0

    def saved(self, content: str, keep: int | None) -> dict[int, str]:
        after = {**self.versions, self.last + 1: content}
        return after if keep is None else dict(sorted(after.items())[-keep:])

    def found(self, versions: dict[int, str]) -> None:
        self.versions = versions
        self.last = max([self.last, *versions])


class Round:
    """A process, what it does to which path, and when it is killed."""

    def __init__(self, path: Path, materials: Materials, generator: random.Random):
        self.path = path
        name = generator.choice(list(materials.digests))
        what = generator.choice(["save", "save", "replace", "replace", "rm", "prune", "gc", "reindex", "retag"])
        if what in ("rm", "prune", "retag") and not path.versions:
            what = "save"
        self.after = path.versions
        if what == "save":
            self.arguments = ["save", materials.path(name), "--as", path.name]
            self.after = path.saved(materials.digests[name], None)
        elif what == "replace":
            keep = generator.choice([1, 2])
            self.arguments = ["save", materials.path(name), "--as", path.name, "--keep-versions", str(keep)]
            self.after = path.saved(materials.digests[name], keep)
        elif what == "rm":
            self.arguments = ["rm", "--force", path.name]
            self.after = {}
        elif what == "prune":
            self.arguments = ["prune", "--keep-last", "1", path.name]
            self.after = dict(sorted(path.versions.items())[-1:])
        elif what == "retag":
            self.arguments = ["annotate", path.name, "--meta", f"k={generator.random()}"]
        else:
            self.arguments = [what]
        self.call = generator.randrange(1, 900) if generator.random() < 0.5 else None
        self.delay = generator.random()


class Loop:
    def __init__(self, journal: str, place: str, programs: tools.Programs, materials: Materials, options, report):
        self.journal, self.place, self.programs, self.materials = journal, place, programs, materials
        self.options, self.report = options, report
        self.generator = random.Random(f"{options.seed} {journal}")
        self.paths = [Path(f"p{i}") for i in range(WORKERS)]
        self.checker = Checker(programs.checker)
        self.kills = 0
        os.makedirs(place)
        done = cairn(programs.cairn, ["init", "--chunk-size", "64K", "--journal", journal], place)
        if done.returncode != 0:
            raise RuntimeError(done.stderr)
        self.typical = 0.3

    def run(self, rounds: int) -> None:
        for number in range(rounds):
            tasks = [Round(path, self.materials, self.generator) for path in self.paths]
            codes = self.race(tasks)
            self.check(number, tasks, codes)
            if len(self.report.failures) >= self.options.failures:
                break
            if number % self.options.every == self.options.every - 1 or number == rounds - 1:
                self.check_copy(number)
        self.checker.close()
        self.report.count("rounds", rounds)
        self.report.count("kills", self.kills)

    def race(self, tasks: list[Round]) -> list[tuple[int, str]]:
        began = time.monotonic()
        running = []
        for task in tasks:
            more = {}
            if task.call:
                more = self.programs.interposed(self.place, fault=f"{task.call}:kill")
            process = subprocess.Popen(
                [self.programs.cairn, *task.arguments], cwd=self.place, env=environment(self.place, **more),
                stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)
            running.append((began + task.delay * self.typical, task, process))
        for when, task, process in sorted(running, key=lambda item: item[0]):
            if task.call is None:
                time.sleep(max(0.0, when - time.monotonic()))
                process.send_signal(signal.SIGKILL)
        codes = []
        for _, _, process in running:
            said = process.communicate(timeout=120)[1]
            codes.append((process.returncode, said))
        if all(code == 0 for code, _ in codes):
            # So that kills hit what is running, on a machine that is busy too.
            self.typical = max(0.05, min(3.0, 1.3 * (time.monotonic() - began)))
        self.kills += sum(code == -signal.SIGKILL for code, _ in codes)
        return codes

    def check(self, number: int, tasks: list[Round], codes: list[tuple[int, str]]) -> None:
        answer = self.checker.ask(self.place + "/.cairn", "contents")
        problems = list(answer["problems"])
        found: dict[str, dict[int, str]] = {path.name: {} for path in self.paths}
        for item in json.loads(answer["state"] or "[]"):
            name, version = item["name"].rsplit("@", 1)
            found.setdefault(name, {})[int(version)] = item["content"]
        for task, (code, said) in zip(tasks, codes):
            path, now = task.path, found.pop(task.path.name)
            if code not in (0, -signal.SIGKILL):
                problems.append(f"{task.arguments}: exit code {code}: {said}")
            allowed = [task.after] if code == 0 else [path.versions, task.after]
            if now not in allowed:
                problems.append(f"{task.arguments} ({code}): there are {now}, not {allowed}")
            path.found(now)
        if found:
            problems.append(f"there are {found} too")
        if problems:
            self.report.fail(f"{self.journal}, round {number}: {[task.arguments for task in tasks]}", problems)

    def check_copy(self, number: int) -> None:
        copy = self.place + "-copy"
        shutil.copytree(self.place, copy)
        before = self.checker.ask(self.place + "/.cairn", "contents")["state"]
        answer = self.checker.ask(copy + "/.cairn", "everything")
        shutil.rmtree(copy)
        problems = answer["problems"]
        if answer["state"] != before:
            problems.append("a copy of it holds something else")
        if problems:
            self.report.fail(f"{self.journal}, a copy after round {number}", problems)


def main() -> int:
    parser = tools.option_parser(__doc__)
    parser.add_argument("--rounds", type=int, default=15, help="in each journal mode, of three processes each")
    parser.add_argument("--every", type=int, default=5, help="after how many rounds a copy is looked at more closely")
    options = parser.parse_args()
    report = tools.Report(options)
    with tools.scratch(options) as place:
        programs = tools.Programs(options, place)
        materials = Materials(place + "/files")
        for journal in ["wal", "delete"]:
            try:
                Loop(journal, f"{place}/{journal}", programs, materials, options, report).run(options.rounds)
            except Exception:
                report.fail(journal, [traceback.format_exc()])
    return report.end("kills")


if __name__ == "__main__":
    sys.exit(main())
