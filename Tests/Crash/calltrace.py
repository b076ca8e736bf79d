"""The records that interpose.so writes."""

import struct
from dataclasses import dataclass

OPEN, WRITE, TRUNCATE, RENAME, LINK, UNLINK, MKDIR, RMDIR, SYNC, ALLOCATE, READ, LIST, STATUS, MODE, LOCK = (
    range(1, 16))
NAMES = ["", "open", "write", "truncate", "rename", "link", "unlink", "mkdir", "rmdir", "fsync", "allocate", "read",
         "list", "stat", "chmod", "flock"]
# What reads changes nothing, and modes are not looked at.
CHANGES = {OPEN, WRITE, TRUNCATE, RENAME, LINK, UNLINK, MKDIR, RMDIR, SYNC, ALLOCATE}

O_ACCMODE, O_CREAT, O_TRUNC = 3, 0o100, 0o1000

HEAD = struct.Struct("<IIQqqIIIIQ")


@dataclass(slots=True)
class Call:
    number: int
    operation: int
    inode: int
    value: int
    changed: int
    error: int
    created: bool
    path: str
    target: str
    data: bytes

    def __str__(self) -> str:
        what = self.path or f"inode {self.inode}"
        to = f" -> {self.target}" if self.target else ""
        size = f" {len(self.data)} bytes at {self.value}" if self.operation == WRITE else ""
        return f"{NAMES[self.operation]} {what}{to}{size}"


def read(path: str) -> list[Call]:
    with open(path, "rb") as file:
        content = file.read()
    calls = []
    at = 0
    while at + HEAD.size <= len(content):
        number, operation, inode, value, changed, error, created, first, second, length = HEAD.unpack_from(content, at)
        at += HEAD.size
        path1, path2 = content[at:at + first].decode(), content[at + first:at + first + second].decode()
        at += first + second
        calls.append(Call(number, operation, inode, value, changed, error, bool(created), path1, path2,
                          content[at:at + length]))
        at += length
    return calls
