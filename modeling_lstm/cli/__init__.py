"""The command line, `modeling-lstm COMMAND ...`: turn flags into settings and call one function of the library."""

import errno
import gc
import io
import logging
import os
import sys
from collections.abc import Sequence

from ..utils.errors import InputError, explain_save_failure, hide_tokens
from ..utils.processes import end_launch, is_main, leave_launch, wait_for_turn
from .registry import COMMANDS, Command, run

__all__ = ["COMMANDS", "main"]

RESUMABLE = ("train", "distill", "pretrain")


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command. Returns the exit status: 0, or 2 for input that cannot be used."""
    if arguments is None:  # the process was started for this command alone
        # Importing torch and transformers creates many objects but no garbage; collecting it would take a second
        gc.set_threshold(100_000, 50, 100)
    try:
        status = _run_command(list(sys.argv[1:] if arguments is None else arguments))
    except SystemExit as error:
        if arguments is None and isinstance(error.code, int):
            end_launch(error.code)
        raise
    if arguments is None:
        end_launch(status)
    return status


def _run_command(given: list[str]) -> int:
    if not given or given[0] not in COMMANDS:
        return show_usage(given, COMMANDS)
    if given[0] not in RESUMABLE:  # the others run in a single process
        if not is_main():
            return 0
        leave_launch()
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):  # a console may not show every character, but a file takes UTF-8
            stream.reconfigure(encoding=None if stream.isatty() else "utf-8", errors="backslashreplace")
    logging.basicConfig(level=logging.INFO if is_main() else logging.ERROR, format="%(message)s", stream=sys.stderr)
    # Use huge pages for torch's large tensors: the gradient of a word table is allocated again in every step
    os.environ.setdefault("THP_MEM_ALLOC_ENABLE", "1")
    for noisy in ("httpx", "httpx2", "datasets", "filelock", "fsspec", "absl", "matplotlib", "gensim", "smart_open"):
        logging.getLogger(noisy).setLevel(logging.WARNING)
    # Two checkpoints within a second are sorted by their numbers, which is just as well
    logging.getLogger("transformers.trainer_utils").addFilter(lambda record: "mtime" not in record.getMessage())
    try:
        return run(given[0], given[1:])
    except InputError as error:
        return _complain(str(error))
    except BrokenPipeError:  # the reader closed the pipe, as in `... | head`
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0
    except OSError as error:
        if error.errno == errno.ENAMETOOLONG:
            return _complain(f"There is no file or folder {str(error.filename)[:40] + '...'!r}: the name is too long.")
        if cause := explain_save_failure(error):
            return _complain(f"{error.filename!r}: {cause}" if error.filename else cause)
        raise
    except KeyboardInterrupt:
        more = "; --resume_from_checkpoint last continues from the last checkpoint" * (given[0] in RESUMABLE)
        print(f"modeling-lstm: interrupted{more}", file=sys.stderr)
        return 130


def _complain(message: str) -> int:
    wait_for_turn()
    print(f"modeling-lstm: error: {hide_tokens(' '.join(message.split()))}", file=sys.stderr)  # one line
    return 2


def show_usage(given: list[str], commands: dict[str, Command], group: str = "") -> int:
    """Print the list of commands, or the version. Returns the exit status: 0 if this was requested, otherwise 2."""
    width = 2 + max(map(len, commands))
    command = f"modeling-lstm {group}".rstrip()
    lines = [f"usage: {command} COMMAND ...", ""]
    lines += [f"  {name:<{width}}{one.about}: modeling-lstm {name} {one.usage}" for name, one in commands.items()]
    lines += ["", f"{command} COMMAND --help lists the settings."]
    asked = bool(given) and given[0] in ("-h", "--help")
    if given and given[0] == "--version":
        from .. import __version__

        print(f"modeling-lstm {__version__}")
        return 0
    if given and not asked:
        lines.insert(0, f"{command}: error: unknown command {given[0]!r}")
    print("\n".join(lines), file=sys.stdout if asked else sys.stderr)
    return 0 if asked else 2
