"""Kills in the plugin: processes that save, overwrite and remove through CairnCheckpointIO are killed with SIGKILL.

Each process has checkpoints of its own in one repository, and says before each thing that it does it and after it that it
is done. When it has been killed, what was done is done, what it was at when it died is done whole or not at all, and every
pointer file loads. `cairn gc --pointers` finds what a death between a version and its pointer has left, no more.

  python3 Tests/Crash/plugin_kills.py                   a few rounds
  python3 Tests/Crash/plugin_kills.py --rounds 500      a thousand kills
"""

import json
import os
import random
import signal
import subprocess
import sys
import time
import traceback

import tools
from checker import Checker
from materials import cairn, environment

WORKERS, FILES = 2, 3
# What checkpoints share.
KIB = 1024
PIECES = [random.Random(number).randbytes(64 * KIB) for number in range(4)]


def content(text: str) -> bytes:
    """What the checkpoint of this name holds."""
    generator = random.Random(text)
    return generator.choice(PIECES) + generator.choice(PIECES) + generator.randbytes(generator.randrange(10, 9_000))


# What runs in the processes that are killed


def state(text: str):
    import torch
    data = torch.frombuffer(bytearray(content(text)), dtype=torch.uint8)
    return {"text": text, "data": data, "small": torch.frombuffer(bytearray(text.encode()), dtype=torch.uint8)}


def work(number: int, root: str, seed: str, has: dict[str, str | None], say) -> None:
    """Saves, overwrites and removes until somebody kills it."""
    from cairn_ckpt import CairnCheckpointIO
    plugin = CairnCheckpointIO()
    generator = random.Random(seed)
    for turn in range(100_000):
        name = f"w{number}/{generator.randrange(FILES)}.ckpt"
        if has.get(name) and generator.random() < 0.3:
            say({"begins": name, "text": None})
            plugin.remove_checkpoint(f"{root}/{name}")
            has[name] = None
        else:
            text = f"{seed} {turn}"
            say({"begins": name, "text": text})
            plugin.save_checkpoint(state(text), f"{root}/{name}")
            has[name] = text
        say({"done": name})


def look(root: str) -> dict[str, str]:
    """What each pointer below a directory loads as: the text of its checkpoint, or what is wrong."""
    import torch
    from cairn_ckpt import CairnCheckpointIO
    plugin = CairnCheckpointIO()
    found = {}
    for parent, _, names in os.walk(root):
        for name in names:
            path = os.path.join(parent, name)
            if ".cairn" in path.removeprefix(root) or not name.endswith(".ckpt"):
                continue
            try:
                for loaded in (torch.load(path), plugin.load_checkpoint(path)):
                    text = loaded["text"]
                    if loaded["data"].numpy().tobytes() != content(text):
                        text = f"wrong bytes of {text}"
                    elif loaded["small"].numpy().tobytes() != text.encode():
                        text = f"wrong small bytes of {text}"
            except Exception:
                text = traceback.format_exc()
            found[os.path.relpath(path, root)] = text
    return found


def nursery() -> None:
    """Has everything imported, and forks: a child for each line on standard input, whose number is the answer."""
    import cairn_ckpt  # noqa: F401
    import torch
    torch.set_num_threads(1)
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)
    print("ready", flush=True)
    for line in sys.stdin:
        order = json.loads(line)
        child = os.fork()
        if child:
            print(child, flush=True)
            continue
        out = os.open(order["out"], os.O_WRONLY | os.O_APPEND | os.O_CREAT)

        def say(what) -> None:
            os.write(out, json.dumps(what).encode() + b"\n")
        try:
            if order["do"] == "look":
                say(look(order["root"]))
            else:
                work(order["number"], order["root"], order["seed"], order["has"], say)
        except BaseException:
            say({"problem": traceback.format_exc()})
        os._exit(0)


# What watches


class Loop:
    def __init__(self, journal: str, root: str, programs: tools.Programs, options, report: tools.Report):
        self.journal, self.root, self.programs, self.options, self.report = journal, root, programs, options, report
        self.generator = random.Random(f"{options.seed} {journal}")
        self.has: list[dict[str, str | None]] = [{} for _ in range(WORKERS)]
        self.checker = Checker(programs.checker)
        for number in range(WORKERS):
            os.makedirs(f"{root}/w{number}")
        cairn(programs.cairn, ["init", "--chunk-size", "64K", "--journal", journal], root).check_returncode()
        package = os.path.abspath(os.path.join(tools.HERE, "../../Sources/Python"))
        self.nursery = subprocess.Popen(
            [sys.executable, os.path.abspath(__file__), "--nursery"], cwd=root, text=True, stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            env={**environment(root), "PYTHONPATH": package, "XDG_CONFIG_HOME": root + "/../config",
                 "CAIRN_LIBRARY": os.path.abspath(options.build) + "/libCairnC.so"})
        self.nursery.stdout.readline()

    def fork(self, **order) -> int:
        self.nursery.stdin.write(json.dumps({"root": self.root, **order}) + "\n")
        self.nursery.stdin.flush()
        return int(self.nursery.stdout.readline())

    def run(self) -> None:
        for number in range(self.options.rounds):
            problems = self.kill(number)
            problems += self.check(collects=number % 50 == 49 or number == self.options.rounds - 1)
            if problems:
                self.report.fail(f"{self.journal}, round {number}", problems)
            if len(self.report.failures) >= self.options.failures:
                break
        self.checker.close()
        self.nursery.stdin.close()
        self.nursery.wait()

    def kill(self, number: int) -> list[str]:
        began, children = time.monotonic(), []
        for worker in range(WORKERS):
            out = f"{self.root}/../said-{worker}"
            if os.path.exists(out):
                os.unlink(out)
            seed = f"{self.options.seed}.{self.journal}.{number}.{worker}"
            child = self.fork(do="work", number=worker, seed=seed, has=self.has[worker], out=out)
            children.append((began + self.generator.uniform(0.03, 1.2), child, out))
        for when, child, _ in sorted(children):
            time.sleep(max(0.0, when - time.monotonic()))
            os.kill(child, signal.SIGKILL)
        problems = []
        for worker, (_, child, out) in enumerate(children):
            while os.path.exists(f"/proc/{child}"):
                time.sleep(0.005)
            self.report.count("kills")
            problems += self.follow(worker, out)
        return problems

    def follow(self, worker: int, out: str) -> list[str]:
        """What a worker has said that it did, done to what is expected. The last thing may be done or not."""
        lines = open(out).read().splitlines() if os.path.exists(out) else []
        begun, problems = None, []
        self.open = getattr(self, "open", {})
        for line in lines:
            said = json.loads(line)
            if "problem" in said:
                problems.append(said["problem"])
            elif "begins" in said:
                begun = said
            else:
                self.has[worker][begun["begins"]] = begun["text"]
                begun = None
                self.report.count("done")
        if begun:
            self.open[begun["begins"]] = (worker, begun["text"])
        return problems

    def check(self, collects: bool) -> list[str]:
        found = self.looked()
        problems = []
        for worker, has in enumerate(self.has):
            for name in [f"w{worker}/{number}.ckpt" for number in range(FILES)]:
                allowed = [has.get(name)]
                if name in self.open:
                    allowed.append(self.open[name][1])
                if found.get(name) not in allowed:
                    problems.append(f"{name} is {found.get(name)}, not one of {allowed}")
                has[name] = found.get(name)
        self.open = {}
        answer = self.checker.ask(self.root + "/.cairn", "contents")
        problems += answer["problems"]
        if collects:
            problems += self.collect(found)
        return problems

    def looked(self) -> dict[str, str]:
        out = f"{self.root}/../looked"
        if os.path.exists(out):
            os.unlink(out)
        child = self.fork(do="look", out=out)
        while os.path.exists(f"/proc/{child}"):
            time.sleep(0.005)
        with open(out) as file:
            return json.loads(file.readline())

    def collect(self, found: dict[str, str]) -> list[str]:
        """Versions that no pointer holds go; then there is one for each pointer, and all load as before.

        That takes some seconds: what was saved just now is given time to get its pointer. What the dead were writing
        keeps the versions of its directory for an hour, and the one that it names for longer: here a day passes.
        """
        self.report.count("collections")
        self.let_a_day_pass()
        problems, said = [], []
        for arguments in (["gc", "--pointers", ".", "--remove"], ["gc"], ["verify", "--read-data"]):
            done = cairn(self.programs.cairn, arguments, self.root, XDG_CONFIG_HOME=self.root + "/../config")
            if done.returncode != 0:
                problems.append(f"{arguments}: {done.stderr} {done.stdout}")
            said.append(done.stdout + done.stderr)
        listed = json.loads(self.checker.ask(self.root + "/.cairn", "contents")["state"])
        if len(listed) != len(found):
            problems.append(f"{len(found)} pointers, and {[item['name'] for item in listed]}: {said}")
        if self.looked() != found:
            problems.append("after gc the pointers load otherwise")
        return problems

    def let_a_day_pass(self) -> None:
        """Takes away what the dead were writing beside their checkpoints, as the next day's first save there does."""
        for worker in range(WORKERS):
            directory = f"{self.root}/w{worker}"
            for name in os.listdir(directory):
                if name.startswith(".cairn-"):
                    os.unlink(f"{directory}/{name}")
                    self.report.count("half written")


def main() -> int:
    parser = tools.option_parser(__doc__)
    parser.add_argument("--rounds", type=int, default=10, help="in each journal mode, of two kills each")
    parser.add_argument("--nursery", action="store_true", help="for its own processes")
    options = parser.parse_args()
    if options.nursery:
        nursery()
        return 0
    report = tools.Report(options)
    with tools.scratch(options) as place:
        programs = tools.Programs(options, place)
        for journal in ["wal", "delete"]:
            try:
                Loop(journal, f"{place}/{journal}/work", programs, options, report).run()
            except Exception:
                report.fail(journal, [traceback.format_exc()])
    return report.end("plugin kills")


if __name__ == "__main__":
    sys.exit(main())
