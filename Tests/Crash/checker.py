"""The checker: a process that looks at repositories one after the other."""

import json
import subprocess


class Checker:
    def __init__(self, program: str):
        self.process = subprocess.Popen([program], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)

    def ask(self, repository: str, kind: str) -> dict:
        self.process.stdin.write(json.dumps({"repository": repository, "kind": kind}) + "\n")
        self.process.stdin.flush()
        line = self.process.stdout.readline()
        if not line:
            raise RuntimeError(f"the checker died of {repository} ({self.process.wait()})")
        answer = json.loads(line)
        # Of lists in an order of their own a set can be made.
        found = answer.get("checkpoints")
        answer["state"] = None if found is None else json.dumps(found, sort_keys=True)
        return answer

    def close(self) -> None:
        self.process.stdin.close()
        self.process.wait()


def names(state: str | None) -> list[str]:
    return ["no repository"] if state is None else [found["name"] for found in json.loads(state)]
