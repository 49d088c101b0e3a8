"""A user's machine: a Python process with a cache of its own, that reaches a loopback Hub and nothing else."""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

from tests.local_hub import LocalHub

# Reads steps as lines of JSON and answers each; standard input stays empty, so that nothing can be asked there
LOOP = """
import contextlib, gc, io, json, os, socket, sys, traceback
gc.set_threshold(100_000, 50, 100)
steps, answers = os.fdopen(int(sys.argv[1])), os.fdopen(int(sys.argv[2]), "w")
real, asked = socket.getaddrinfo, []
def guarded(host, *rest, **named):
    if host not in ("127.0.0.1", "localhost"):
        asked.append(str(host))
        raise OSError(f"{host} cannot be reached")
    return real(host, *rest, **named)
socket.getaddrinfo = guarded
memory = {}
for line in steps:
    step = json.loads(line)
    os.environ.pop("HF_TOKEN", None)
    if step["token"]:
        os.environ["HF_TOKEN"] = step["token"]
    out, err, status, result = io.StringIO(), io.StringIO(), 0, None
    with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
        try:
            if "argv" in step:
                import logging
                logging.getLogger().handlers.clear()
                from modeling_lstm.cli import main
                status = main(step["argv"])
            else:
                exec(step["code"], memory)
                result = memory.get("result")
        except BaseException:
            status = 1
            traceback.print_exc(file=err)
    answer = {"status": status, "out": out.getvalue(), "err": err.getvalue(), "result": result, "asked": asked}
    answers.write(json.dumps(answer) + "\\n")
    answers.flush()
"""


class Machine:
    """
    A process that runs the command line, or Python, step by step; imports are paid for once.

    Args:
        home: `HF_HOME`: cache, modules and token.
        hub: The Hub that it reaches.
        environment: Variables more.
    """

    def __init__(self, home: Path, hub: LocalHub, **environment: str):
        self.home = home
        home.mkdir(parents=True, exist_ok=True)
        kept = {name: value for name, value in os.environ.items() if not name.startswith(("HF_", "HUGGINGFACE_"))}
        settings = {"HF_ENDPOINT": hub.url, "HF_HOME": str(home), "HF_UPDATE_DOWNLOAD_COUNTS": "0"}
        settings |= dict.fromkeys(("HF_HUB_DOWNLOAD_TIMEOUT", "HF_HUB_ETAG_TIMEOUT"), "600")  # on a busy machine too
        names = ("XET", "TELEMETRY", "PROGRESS_BARS", "UPDATE_CHECK")
        settings |= {f"HF_HUB_DISABLE_{name}": "1" for name in names} | {"NO_PROXY": "127.0.0.1,localhost"}
        steps, self._steps = os.pipe()
        self._answers, answers = os.pipe()
        self._process = subprocess.Popen(
            [sys.executable, "-c", LOOP, str(steps), str(answers)],
            env=kept | settings | environment,
            cwd=Path(__file__).parent.parent,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            pass_fds=(steps, answers),
        )
        os.close(steps)
        os.close(answers)
        self._read = os.fdopen(self._answers)

    def cli(self, *arguments: object, token: str | None = None) -> dict[str, Any]:
        """Run the command line: `status`, `out`, `err`."""
        self.start(*arguments, token=token)
        return self.wait()

    def python(self, code: str, token: str | None = None) -> Any:
        """Run Python; gives what it left in `result`. Names live on until the next call."""
        self._send({"code": code, "token": token})
        answer = self.wait()
        assert answer["status"] == 0, answer["err"]
        return answer["result"]

    def start(self, *arguments: object, token: str | None = None) -> None:
        """Begin to run the command line."""
        self._send({"argv": [str(one) for one in arguments], "token": token})

    def wait(self) -> dict[str, Any]:
        """The answer to what was begun."""
        return json.loads(self._read.readline())

    def is_alive(self) -> bool:
        return self._process.poll() is None

    def kill(self) -> None:
        self._process.kill()
        self._process.wait()

    def close(self) -> None:
        os.close(self._steps)
        self._process.wait(timeout=30)

    def _send(self, step: dict[str, Any]) -> None:
        os.write(self._steps, (json.dumps(step) + "\n").encode())


class Machines:
    """
    The machines of a Hub, kept from test to test, so that few processes import what takes seconds to import.

    Args:
        folder: Where their caches are.
        hub: The Hub that they reach.
    """

    def __init__(self, folder: Path, hub: LocalHub):
        self._folder, self._hub = folder, hub
        self._number = 0
        self._idle: list[Machine] = []
        self._busy: list[Machine] = []
        self._apart: list[Machine] = []  # of use to one test
        self._names: dict[str, Path] = {}

    def get(self, name: str | None = None, *, is_fresh: bool = False) -> Machine:
        """
        A machine with an empty cache. The second one of a name is a new process with the cache that the first one
        left. With `is_fresh` it has imported nothing.
        """
        if is_fresh or name in self._names:
            one = Machine(self._names[name] if name in self._names else self._home(), self._hub)
            self._apart.append(one)
        else:
            one = self._idle.pop() if self._idle else Machine(self._home(), self._hub)
            self._busy.append(one)
        if name is not None:
            self._names[name] = one.home
        return one

    def clear(self) -> None:
        """End what was of use to one test alone, and empty the caches of the others."""
        for one in self._apart:
            one.kill()
        for one in self._busy:
            if one.is_alive():
                shutil.rmtree(one.home)
                one.home.mkdir()
                self._idle.append(one)
        self._busy, self._apart, self._names = [], [], {}

    def close(self) -> None:
        """End all of them."""
        for one in [*self._idle, *self._busy, *self._apart]:
            one.kill()

    def _home(self) -> Path:
        self._number += 1
        return self._folder / f"machine-{self._number}"
