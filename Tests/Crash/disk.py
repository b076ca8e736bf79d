"""What is on a disk after some calls, if power is lost: which of them have certainly come to it, and which may have.

What POSIX promises and no more: a file's content is on the disk once an fsync of the file has succeeded, a name once an
fsync of its directory has. Before that each write, and each change of a name, is there or is not, whatever became of
others, but for two things: changes of the same name keep their order, and a rename is whole or not at all.
"""

import hashlib
import os
from dataclasses import dataclass, field

import calltrace as trace

PAGE = 4096
ALL, NONE = "all", "none"


@dataclass(slots=True, eq=False)
class Change:
    """A change of a file's content: bytes at an offset, or a new size (data None)."""
    offset: int
    data: bytes | None
    changed: int
    # "dirty": a later fsync brings it to the disk. "clean": an fsync failed and it may be lost, although the kernel takes
    # it for written. "synced": it is on the disk, but one that may be lost came before it.
    state: str = "dirty"


@dataclass(slots=True, eq=False)
class File:
    inode: int
    base: bytes = b""
    changed: int = 0
    changes: list[Change] = field(default_factory=list)
    cache: dict = field(default_factory=dict)

    def open_changes(self) -> list[int]:
        return [i for i, change in enumerate(self.changes) if change.state != "synced"]

    def sync(self, failed: bool) -> None:
        for change in self.changes:
            if change.state == "dirty":
                change.state = "clean" if failed else "synced"
        if all(change.state == "synced" for change in self.changes):
            self.base, self.changed = self.content(ALL)[:2]
            self.changes = []
        self.cache = {}

    def content(self, variant) -> tuple[bytes, int, bytes]:
        """The content in one of the `variants`, when it was changed, and the content's digest."""
        found = self.cache.get(variant)
        if found is None:
            found = self._content(variant)
            self.cache[variant] = found = (*found, hashlib.sha1(found[0]).digest())
        return found

    def _content(self, variant) -> tuple[bytes, int]:
        result, changed = bytearray(self.base), self.changed
        kind, which, cut = (variant, -1, 0) if isinstance(variant, str) else variant
        for i, change in enumerate(self.changes):
            data = change.data
            if change.state != "synced":
                if kind == NONE or kind == "first" and i >= which or kind == "without" and i == which:
                    continue
                if kind == "only" and i != which:
                    continue
                if kind == "torn":
                    if i > which:
                        continue
                    if i == which and data is not None:
                        data = data[:cut]
                if kind == "zeros" and data is not None:
                    # The size has come to the disk, the bytes have not.
                    grown = change.offset + len(data) - len(result)
                    if grown > 0:
                        result.extend(bytes(grown))
                        changed = change.changed
                    continue
            changed = change.changed
            if data is None:
                size = change.offset
                del result[size:]
                result.extend(bytes(size - len(result)))
            else:
                result.extend(bytes(max(0, change.offset - len(result))))
                result[change.offset:change.offset + len(data)] = data
        return bytes(result), changed

    def variants(self) -> list:
        """All that is looked at of what may be on the disk, but for everything and nothing."""
        open_changes = self.open_changes()
        some = open_changes if len(open_changes) <= 8 else open_changes[:4] + open_changes[-4:]
        found: list = []
        for i in some:
            if i != open_changes[0]:
                found += [("first", i, 0), ("without", i, 0), ("only", i, 0)]
            change = self.changes[i]
            if change.data is None or len(change.data) < 2:
                continue
            cuts = {len(change.data) // 2, len(change.data) - 1}
            page = PAGE - change.offset % PAGE
            if page < len(change.data):
                cuts |= {page, page + (len(change.data) - page - 1) // PAGE * PAGE}
            found += [("torn", i, cut) for cut in sorted(cuts) if 0 < cut < len(change.data)]
        if any(self.changes[i].data is not None for i in open_changes):
            found.append(("zeros", -1, 0))
        return found


@dataclass(slots=True, eq=False)
class Directory:
    inode: int
    # As processes see it, and as it is on the disk.
    now: dict = field(default_factory=dict)
    durable: dict = field(default_factory=dict)


@dataclass(slots=True, eq=False)
class Naming:
    """A change of names that may not have come to the disk."""
    changes: list[tuple[Directory, str, File | Directory | None]]
    # The directory whose fsync makes it last.
    home: Directory

    def keys(self) -> set:
        return {(id(directory), name) for directory, name, _ in self.changes}


class Disk:
    def __init__(self, root: str, inode: int):
        self.root = root
        self.top = Directory(inode)
        self.nodes: dict[int, File | Directory] = {self.top.inode: self.top}
        self.pending: list[Naming] = []

    def load(self) -> None:
        """Takes all that is below the root as being on the disk."""
        def fill(directory: Directory, path: str) -> None:
            for entry in os.scandir(path):
                info = entry.stat(follow_symlinks=False)
                if entry.is_dir(follow_symlinks=False):
                    node: File | Directory = Directory(info.st_ino)
                    fill(node, entry.path)
                else:
                    with open(entry.path, "rb") as file:
                        node = File(info.st_ino, file.read(), info.st_mtime_ns)
                directory.now[entry.name] = directory.durable[entry.name] = node
                self.nodes[info.st_ino] = node
        fill(self.top, self.root)

    def _place(self, path: str) -> tuple[Directory, str]:
        parts = path[len(self.root):].strip("/").split("/")
        directory = self.top
        for part in parts[:-1]:
            directory = directory.now[part]
        return directory, parts[-1]

    def _name(self, home: Directory, *changes) -> None:
        self.pending.append(Naming(list(changes), home))
        for directory, name, node in changes:
            if node is None:
                directory.now.pop(name, None)
            else:
                directory.now[name] = node

    def apply(self, call: trace.Call) -> bool:
        """Does what a call did; whether that may change what is on the disk."""
        operation = call.operation
        if operation not in trace.CHANGES:
            return False
        if operation == trace.SYNC:
            node = self.nodes.get(call.inode)
            if isinstance(node, File):
                had = bool(node.changes)
                node.sync(failed=call.error != 0)
                return had
            if node is not None and call.error == 0:
                return self._sync_directory(node)
            return False
        if call.error:
            return False
        if operation == trace.OPEN:
            return self._open(call)
        if operation in (trace.WRITE, trace.TRUNCATE, trace.ALLOCATE):
            node = self.nodes.get(call.inode)
            if not isinstance(node, File):
                return False
            if operation == trace.ALLOCATE:
                if call.value <= len(node.content(ALL)[0]):
                    return False
            data = call.data if operation == trace.WRITE else None
            node.changes.append(Change(call.value, data, call.changed))
            node.cache = {}
            return True
        directory, name = self._place(call.path)
        if operation == trace.RENAME:
            to, new = self._place(call.target)
            self._name(to, (directory, name, None), (to, new, directory.now[name]))
        elif operation == trace.LINK:
            to, new = self._place(call.target)
            self._name(to, (to, new, directory.now[name]))
        elif operation in (trace.UNLINK, trace.RMDIR):
            self._name(directory, (directory, name, None))
        elif operation == trace.MKDIR:
            node = self.nodes[call.inode] = Directory(call.inode)
            self._name(directory, (directory, name, node))
        return True

    def _open(self, call: trace.Call) -> bool:
        directory, name = self._place(call.path) if call.path != self.root else (self.top, "")
        if not name:
            return False
        if call.created:
            node = self.nodes[call.inode] = File(call.inode, changed=call.changed)
            self._name(directory, (directory, name, node))
            return True
        node = directory.now[name]
        self.nodes[call.inode] = node
        if isinstance(node, File) and call.value & trace.O_TRUNC and node.content(ALL)[0]:
            node.changes.append(Change(0, None, call.changed))
            node.cache = {}
            return True
        return False

    def _sync_directory(self, directory: Directory) -> bool:
        chosen: set[int] = set()
        keys: set = set()
        for i in range(len(self.pending) - 1, -1, -1):
            naming = self.pending[i]
            if naming.home is directory or keys & naming.keys():
                chosen.add(i)
                keys |= naming.keys()
        for i in sorted(chosen):
            for where, name, node in self.pending[i].changes:
                if node is None:
                    where.durable.pop(name, None)
                else:
                    where.durable[name] = node
        self.pending = [naming for i, naming in enumerate(self.pending) if i not in chosen]
        return bool(chosen)

    # Choices

    def closed(self, kept: set[int]) -> frozenset[int]:
        """`kept`, and what came before at the same names."""
        result: set[int] = set()
        keys: set = set()
        for i in range(len(self.pending) - 1, -1, -1):
            names = self.pending[i].keys()
            if i in kept or keys & names:
                result.add(i)
                keys |= names
        return frozenset(result)

    def without(self, lost: int) -> frozenset[int]:
        """All but one, and what came after it at the same names."""
        keys: set = set()
        kept = set()
        for i, naming in enumerate(self.pending):
            names = naming.keys()
            if i == lost or keys & names:
                keys |= names
            else:
                kept.add(i)
        return frozenset(kept)

    def open_files(self) -> list[File]:
        """Files of which something may not be on the disk, and which may have a name there."""
        found: dict[int, File] = {}

        def walk(directory: Directory, entries) -> None:
            for node in entries:
                if isinstance(node, Directory):
                    walk(node, list(node.durable.values()))
                elif node.changes:
                    found[id(node)] = node
        walk(self.top, list(self.top.durable.values()))
        for naming in self.pending:
            for _, _, node in naming.changes:
                if isinstance(node, File) and node.changes:
                    found[id(node)] = node
        return list(found.values())

    def tree(self, kept: frozenset[int] | None) -> dict[str, File | None]:
        """The files by their paths, and empty directories (None); `kept` None: as processes see it."""
        over: dict[int, dict] = {}
        if kept is not None:
            for i in sorted(kept):
                for directory, name, node in self.pending[i].changes:
                    over.setdefault(id(directory), {})[name] = node
        result: dict[str, File | None] = {}

        def walk(directory: Directory, path: str) -> None:
            if kept is None:
                entries = directory.now
            else:
                entries = directory.durable
                changed = over.get(id(directory))
                if changed:
                    entries = {**entries, **changed}
            for name, node in entries.items():
                if node is None:
                    continue
                if isinstance(node, File):
                    result[path + name] = node
                else:
                    result[path + name] = None
                    walk(node, path + name + "/")
        walk(self.top, "")
        return result
