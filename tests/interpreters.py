"""
Programs in processes of their own, quickly: each process is forked from one that has imported what takes long and is
not asked about, torch foremost, and nothing of Hugging Face that reads the environment, nor this package.
"""

import json
import os
import subprocess
import sys
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory

ROOT = Path(__file__).parents[1]
# Forks a process for each line of input, answers with its exit status, and ends with its input
SERVER = """
import atexit, gc, json, os, sys
gc.set_threshold(100_000, 50, 100)
import torch, torch._dynamo, torch.export
import torch.distributed.checkpoint, torch.distributed.fsdp, torch.distributed.tensor
import pandas, pyarrow.dataset, pyarrow.parquet, safetensors.torch, tokenizers
import scipy.optimize, scipy.stats, sklearn.linear_model, sklearn.metrics
assert not {"datasets", "huggingface_hub", "transformers", "modeling_lstm"} & set(sys.modules)

def next_request():
    for line in sys.stdin:
        request = json.loads(line)
        if (child := os.fork()) == 0:
            return request
        print(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]), flush=True)
    sys.exit()

def become(request):
    os.environ.clear()
    os.environ.update(request["environment"])
    os.chdir(request["folder"])
    for number, name, mode in ((0, "stdin", os.O_RDONLY), (1, "stdout", os.O_WRONLY), (2, "stderr", os.O_WRONLY)):
        os.dup2(os.open(request[name], mode), number)
    sys.path[:0] = request["path"]
    sys.argv = ["-c", *request["arguments"]]
    return request["program"]

gc.collect()
gc.freeze()
exec(become(next_request()), {"__name__": "__main__"})
atexit._run_exitfuncs()
sys.stdout.flush()
sys.stderr.flush()
os._exit(0)  # to take all modules down would be a quarter of the time
"""


@cache
def _server() -> subprocess.Popen[str]:
    environment = os.environ | {"OMP_NUM_THREADS": "1"}
    command = [sys.executable, "-I", "-c", SERVER]
    return subprocess.Popen(command, env=environment, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)


def run_program(
    program: str,
    *arguments: str,
    folder: Path = ROOT,
    environment: dict[str, str] | None = None,
    isolated: bool = False,
) -> subprocess.CompletedProcess[str]:
    """Run a program as `python -c` does, isolated as `python -I -c` does, with nothing to read."""
    environment = dict(os.environ) if environment is None else environment
    path = ["", *filter(None, environment.get("PYTHONPATH", "").split(os.pathsep))]
    request = {"program": program, "arguments": arguments, "environment": environment, "folder": str(folder)}
    request |= {"path": [] if isolated else path, "stdin": os.devnull}
    with TemporaryDirectory() as temporary:
        out, err = (Path(temporary) / name for name in ("out", "err"))
        out.touch()
        err.touch()
        server = _server()
        assert server.stdin is not None and server.stdout is not None
        server.stdin.write(json.dumps(request | {"stdout": str(out), "stderr": str(err)}) + "\n")
        server.stdin.flush()
        status = int(server.stdout.readline())
        told = [path.read_text("utf-8") for path in (out, err)]
    return subprocess.CompletedProcess([program, *arguments], status, *told)
