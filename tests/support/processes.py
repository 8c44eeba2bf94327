"""Run modules in processes of their own, and work in many processes that begin together."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import traceback
from collections.abc import Callable
from typing import Any

from tests.support.sandbox import ROOT


def environment(**changes: str) -> dict[str, str]:
    """Return the environment of this process, in which another one finds the package and the tests."""
    path = os.pathsep.join(filter(None, [str(ROOT), os.environ.get("PYTHONPATH")]))
    return {**os.environ, "PYTHONPATH": path, **changes}


def run_module(
    module: str, *arguments: str, stdin: str = "", **changes: str
) -> subprocess.CompletedProcess[str]:
    """
    Run ``python -m MODULE ARGUMENTS`` to its end.

    :param stdin: what the process reads
    :param changes: environment variables to set
    """
    return subprocess.run(
        [sys.executable, "-m", module, *arguments],
        env=environment(**changes),
        input=stdin,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )


def answer_of(module: str, *arguments: str) -> Any:
    """Run a module that prints its answer as JSON in its last line, and return the answer."""
    done = run_module(module, *arguments)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout.splitlines()[-1])


def crowd(number: int, work: Callable[[int], Any]) -> list[Any]:
    """Do work in so many processes that begin together; return what each one's work returned."""
    gate, opener = os.pipe()
    children = []
    for index in range(number):
        reading, writing = os.pipe()
        child = os.fork()
        if not child:
            status = 1
            try:
                os.close(opener)
                # Everybody waits here until the last end of the pipe is closed.
                os.read(gate, 1)
                os.write(writing, json.dumps(work(index)).encode())
                status = 0
            except BaseException:
                traceback.print_exc()
            finally:
                os._exit(status)
        os.close(writing)
        children.append((child, reading))
    os.close(opener)
    found = []
    for child, reading in children:
        with os.fdopen(reading, "rb") as pipe:
            text = pipe.read()
        assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
        found.append(json.loads(text))
    return found
