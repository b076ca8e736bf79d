"""Files to save, and repositories to begin with."""

import hashlib
import json
import os
import random
import sqlite3
import struct
import subprocess
import tempfile
from pathlib import Path

KIB = 1024


class Materials:
    """Files that share parts with each other, below one directory; the same for the same seed."""

    def __init__(self, directory: str, seed: int = 1):
        os.makedirs(directory, exist_ok=True)
        self.directory = directory
        self.digests: dict[str, str] = {}
        random_bytes = random.Random(seed).randbytes
        chunks = [random_bytes(64 * KIB) for _ in range(5)]
        # Two chunks of their own and a rest that goes into a pack; the second shares one with the first, and so on.
        self._add("one", chunks[0] + chunks[1] + random_bytes(2_000))
        self._add("two", chunks[0] + chunks[2] + random_bytes(2_500))
        self._add("three", chunks[3] + random_bytes(1_000))
        # Tensors so small that they share packs.
        tensors = {f"t{i}": random_bytes(1_500 + 100 * i) for i in range(9)}
        self._add("bit", random_bytes(100))
        self._add("many.safetensors", safetensors(tensors))
        self._add("few.safetensors", safetensors({name: tensors[name] for name in ("t0", "t1")}))

    def copies(self, name: str, count: int) -> list[str]:
        """So many further names of a file."""
        made = [f"{name}-{number:04}" for number in range(count)]
        for copy in made:
            if copy not in self.digests:
                os.link(self.path(name), self.path(copy))
                self.digests[copy] = self.digests[name]
        return made

    def _add(self, name: str, content: bytes) -> None:
        with open(self.path(name), "wb") as file:
            file.write(content)
        self.digests[name] = hashlib.sha256(content).hexdigest()

    def path(self, name: str) -> str:
        return os.path.join(self.directory, name)


def safetensors(tensors: dict[str, bytes]) -> bytes:
    header, at = {}, 0
    for name, data in tensors.items():
        header[name] = {"dtype": "U8", "shape": [len(data)], "data_offsets": [at, at + len(data)]}
        at += len(data)
    text = json.dumps(header).encode()
    return struct.pack("<Q", len(text)) + text + b"".join(tensors.values())


def environment(home: str, **more: str) -> dict[str, str]:
    return {"PATH": "/usr/bin:/bin", "HOME": home, "TZ": "UTC", "SWIFT_BACKTRACE": "enable=no", **more}


def cairn(program: str, arguments: list[str], directory: str, **more: str) -> subprocess.CompletedProcess:
    return subprocess.run([program, *arguments], cwd=directory, env=environment(directory, **more), text=True,
                          stdin=subprocess.DEVNULL, capture_output=True, timeout=120)


def make_old(repository: str) -> None:
    """Takes an index back to schema 1, in the file that it is in: the same rows, as far as there were columns for them."""
    path = repository + "/index.sqlite"
    schema = Path(__file__).resolve().parents[2] / "Migrations" / "0001_index.sql"
    database = sqlite3.connect(path, isolation_level=None)
    mode = database.execute("PRAGMA journal_mode").fetchone()[0]
    with tempfile.TemporaryDirectory() as directory:
        old = sqlite3.connect(directory + "/old.sqlite", isolation_level=None)
        old.execute(f"PRAGMA journal_mode = {mode}")
        old.executescript(schema.read_text())
        old.execute("ATTACH ? AS newer", (path,))
        lists = {column: f"(SELECT {column} FROM newer.manifest_lists WHERE manifest_id = manifest.id)"
                 for column in ("tensors", "storages")}
        for (table,) in old.execute("SELECT name FROM main.sqlite_schema WHERE type = 'table'").fetchall():
            columns = [row[1] for row in old.execute(f"PRAGMA main.table_info({table})")]
            values = [lists[column] if table == "manifest" and column in lists else column for column in columns]
            old.execute(f"INSERT INTO main.{table} ({', '.join(columns)}) SELECT {', '.join(values)} FROM newer.{table}")
        old.execute("CREATE TABLE grdb_migrations (identifier TEXT NOT NULL PRIMARY KEY)")
        old.execute("INSERT INTO grdb_migrations VALUES ('0001_index')")
        old.execute("DETACH newer")
        old.backup(database)
        old.close()
    if mode == "wal":
        database.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    database.close()
