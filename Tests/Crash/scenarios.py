"""What is done to a repository while its calls are recorded."""

from dataclasses import dataclass, field


@dataclass
class Step:
    arguments: list[str]
    # The checkpoints after it, each with the name of the file that it was saved from.
    after: dict[str, str]
    # How it ends: "done"; "open" (its outcome is open: it may have been done or not); "dead" (killed).
    end: str = "done"
    # What interpose.so is told to let fail.
    fault: str | None = None
    # Whether it may be found half done: each of the lines that it writes is whole.
    in_lines: bool = False


@dataclass
class Scenario:
    name: str
    steps: list[Step]
    # Done before anything is recorded; all of it is on the disk.
    before: list[list[str]] = field(default_factory=list)
    has_old_index: bool = False
    # How many of its states are looked at, of the number that is asked for: each of these may take long.
    share: float = 1


def history(journal: str, materials) -> Scenario:
    """A repository's life from `init` on."""
    file = materials.path
    return Scenario("history", [
        Step(["init", "--chunk-size", "64K", "--journal", journal], {}),
        Step(["save", file("one"), "--as", "a", "--run", "r", "--metric", "loss=0.5", "--meta", "k=1"], {"a@1": "one"}),
        Step(["save", file("two"), "--as", "b", "--tag", "best"], {"a@1": "one", "b@1": "two"}),
        Step(["save", file("many.safetensors"), "--as", "m"], {"a@1": "one", "b@1": "two", "m@1": "many.safetensors"}),
        Step(["save", file("few.safetensors"), "--as", "f"],
             {"a@1": "one", "b@1": "two", "m@1": "many.safetensors", "f@1": "few.safetensors"}),
        Step(["save", file("three"), "--as", "a", "--keep-versions", "1"],
             {"a@2": "three", "b@1": "two", "m@1": "many.safetensors", "f@1": "few.safetensors"}),
        Step(["tag", "newest", "a"],
             {"a@2": "three", "b@1": "two", "m@1": "many.safetensors", "f@1": "few.safetensors"}),
        Step(["annotate", "m", "--metric", "loss=0.25", "--meta", "note=good"],
             {"a@2": "three", "b@1": "two", "m@1": "many.safetensors", "f@1": "few.safetensors"}),
        Step(["mv", "b", "c"], {"a@2": "three", "c@1": "two", "m@1": "many.safetensors", "f@1": "few.safetensors"}),
        Step(["rm", "--force", "m"], {"a@2": "three", "c@1": "two", "f@1": "few.safetensors"}),
        Step(["gc"], {"a@2": "three", "c@1": "two", "f@1": "few.safetensors"}),
        # Dies with everything in place, before its line.
        Step(["save", file("one"), "--as", "d"], {"a@2": "three", "c@1": "two", "f@1": "few.safetensors"}, "dead",
             "write:log.jsonl:1:kill"),
        Step(["gc"], {"a@2": "three", "c@1": "two", "f@1": "few.safetensors"}),
        Step(["save", file("one"), "--as", "d"], {"a@2": "three", "c@1": "two", "f@1": "few.safetensors", "d@1": "one"}),
        Step(["reindex"], {"a@2": "three", "c@1": "two", "f@1": "few.safetensors", "d@1": "one"}),
        Step(["save", file("two"), "--as", "d"],
             {"a@2": "three", "c@1": "two", "f@1": "few.safetensors", "d@1": "one", "d@2": "two"}),
        Step(["prune", "--keep-last", "1", "d", "f"],
             {"a@2": "three", "c@1": "two", "f@1": "few.safetensors", "d@2": "two"}),
    ])


BEFORE = {"a@1": "one", "b@1": "two", "f@1": "few.safetensors"}


def before(journal: str, materials) -> list[list[str]]:
    file = materials.path
    return [
        ["init", "--chunk-size", "64K", "--journal", journal],
        ["save", file("one"), "--as", "a", "--run", "r"],
        ["save", file("two"), "--as", "b", "--tag", "best"],
        ["save", file("few.safetensors"), "--as", "f"],
    ]


def migration(journal: str, materials) -> Scenario:
    """An index of Cairn 0.1 is brought forward by the first command."""
    file = materials.path
    return Scenario("migration", [
        Step(["tag", "first", "a"], BEFORE),
        Step(["rm", "--force", "f"], {"a@1": "one", "b@1": "two"}),
    ], before(journal, materials), has_old_index=True)


def failed_sync(journal: str, materials) -> Scenario:
    """The fsync of a line fails, and the kernel calls its pages clean from then on; others go on."""
    file = materials.path
    return Scenario("failed-fsync", [
        Step(["save", file("three"), "--as", "n"], {**BEFORE, "n@1": "three"}, "open", "fsync:log.jsonl:1:5"),
        Step(["save", file("many.safetensors"), "--as", "o"], {**BEFORE, "n@1": "three", "o@1": "many.safetensors"}),
        Step(["rm", "--force", "b"], {"a@1": "one", "f@1": "few.safetensors", "n@1": "three", "o@1": "many.safetensors"},
             "open", "fsync:log.jsonl:1:5"),
        Step(["gc"], {"a@1": "one", "f@1": "few.safetensors", "n@1": "three", "o@1": "many.safetensors"}),
        Step(["rm", "--force", "f"], {"a@1": "one", "n@1": "three", "o@1": "many.safetensors"}, "open",
             "fsync:log.jsonl:1:5"),
        Step(["reindex"], {"a@1": "one", "n@1": "three", "o@1": "many.safetensors"}),
        Step(["save", file("two"), "--as", "a"],
             {"a@1": "one", "a@2": "two", "n@1": "three", "o@1": "many.safetensors"}),
    ], before(journal, materials))


def recovery(journal: str, materials) -> Scenario:
    """Processes die between their line and the index, and while they make the index anew; who comes next dies as well."""
    file = materials.path
    index = "index.sqlite-wal" if journal == "wal" else "index.sqlite"
    saved = {**BEFORE, "n@1": "three"}
    return Scenario("recovery", [
        Step(["save", file("three"), "--as", "n"], saved, "dead", f"write:{index}:1:kill"),
        Step(["gc"], saved),
        Step(["rm", "--force", "b"], {"a@1": "one", "f@1": "few.safetensors", "n@1": "three"}, "dead",
             f"write:{index}:1:kill"),
        Step(["reindex"], {"a@1": "one", "f@1": "few.safetensors", "n@1": "three"}, "dead", "rename:index.sqlite:1:kill"),
        Step(["log"], {"a@1": "one", "f@1": "few.safetensors", "n@1": "three"}),
        Step(["gc"], {"a@1": "one", "f@1": "few.safetensors", "n@1": "three"}),
        Step(["save", file("two"), "--as", "a"],
             {"a@1": "one", "a@2": "two", "f@1": "few.safetensors", "n@1": "three"}),
    ], before(journal, materials))


def pruning(journal: str, materials) -> Scenario:
    """More goes at once than one line of the log can say."""
    names = materials.copies("bit", 1_010)
    last = {f"{materials.path(name)}@1": name for name in names[-2:]}
    return Scenario("pruning", [
        Step(["prune", "--group-by", "all", "--keep-last", "2"], last, in_lines=True),
        Step(["gc"], last),
    ], [
        ["init", "--chunk-size", "64K", "--journal", journal],
        ["save", *map(materials.path, names)],
    ], share=0.1)


ALL = [history, migration, failed_sync, recovery, pruning]
