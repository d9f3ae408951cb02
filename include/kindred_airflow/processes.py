"""The end of the processes that a command of make has started."""

import contextlib
import os
import signal

import psutil

TERMINATE_SECONDS = 15  # to end by themselves, before they are killed


def end_tree(pid: int) -> None:
    """End a process that leads a group and everything below it, gently first. Ctrl-C is ignored from then on."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        tree = [psutil.Process(pid), *psutil.Process(pid).children(recursive=True)]
    except psutil.NoSuchProcess:
        return
    for process in tree:
        with contextlib.suppress(psutil.NoSuchProcess):
            process.terminate()
    psutil.wait_procs(tree, timeout=TERMINATE_SECONDS)
    with contextlib.suppress(ProcessLookupError):
        os.killpg(pid, signal.SIGKILL)  # what is left, and what has started since the list was made
    for process in tree:  # those that lead a group of their own
        with contextlib.suppress(psutil.NoSuchProcess):
            process.kill()
