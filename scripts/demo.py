"""Provision 5,000 customers and invoice 300 orders in the sandbox, and check that the numbers add up.

``python scripts/demo.py`` runs ``dags_examples/provision_customers.py`` twice in a throw-away Airflow under
``build/demo``, then ``dags_examples/invoice_orders.py`` twice and ``dags_examples/example_mobadoo_resync.py``
once, and ends with 0 only if every check passes: nobody gets a second message, no order a second invoice, and
the account of Mobadoo is in step again. With ``--up`` it starts the same Airflow with its web UI instead,
fills the operations page, and runs until Ctrl+C.
"""

from __future__ import annotations

import argparse
import fcntl
import json
import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import time
from contextlib import contextmanager
from pathlib import Path
from threading import Timer
from typing import TYPE_CHECKING, Any

import requests

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))

import demo_invoices  # noqa: E402
import demo_matches  # noqa: E402
import demo_page  # noqa: E402
import demo_summary  # noqa: E402

from airflow_provider.exceptions import StoreUnavailable  # noqa: E402
from tests.support.environment import isolate  # noqa: E402
from tests.support.sandbox import SandboxProcess  # noqa: E402

if TYPE_CHECKING:
    from collections.abc import Iterator

HOME = ROOT / "build" / "demo"
LOG = HOME / "airflow.log"
LOCK = HOME.with_name("demo.lock")
DATA = ROOT / "dags_examples" / "data"
CUSTOMERS, INVOICES, MATCHES = "provision_customers", "invoice_orders", "example_mobadoo_resync"
AIRFLOW = (sys.executable, "-m", "airflow")
LONGEST_RUN = 300
PATIENCE = 400
"""Seconds for Airflow to be ready; a busy machine takes its time."""
STARTED = re.compile(r"\[DAG TEST\] starting task_id=(\w+)")
ENDED = re.compile(r"\[DAG TEST\] end task task_id=(\w+)")
COUNTS = re.compile(r"[\d,]+ records[^\[]*(?=\[|$)")


class DemoFailed(Exception):
    """The demonstration did not get as far as its checks."""


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n")[0])
    parser.add_argument("--up", action="store_true", help="start Airflow's web UI instead of the runs")
    parser.add_argument("--few", action="store_true", help="with --up: only the Dags that fill the page")
    options = parser.parse_args()
    # As after Ctrl+C: whatever was started is stopped.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(128 + signal.SIGTERM))
    started = time.monotonic()
    try:
        with alone(), SandboxProcess() as sandbox:
            environment = prepare_home()
            say(started, f"The sandbox listens on {sandbox.url}")
            if options.up:
                return serve(sandbox, environment, started, few=options.few)
            environment.update(sandbox.connections)
            # At midnight the quota would start again, and not add up.
            sandbox.clock(freeze=True)
            return run(sandbox, environment, started)
    except DemoFailed as failure:
        print(f"\nThe demo failed: {failure}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("\nStopped.")
        return 130


@contextmanager
def alone() -> Iterator[None]:
    """Refuse to empty the folder of another demo that is running."""
    LOCK.parent.mkdir(parents=True, exist_ok=True)
    with LOCK.open("a+", encoding="utf-8") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            file.seek(0)
            process = file.read().strip() or "unknown"
            raise DemoFailed(f"another one runs in {HOME} (process {process}). Stop it first.") from None
        file.truncate(0)
        file.write(str(os.getpid()))
        file.flush()
        yield


def say(started: float, text: str) -> None:
    print(f"{time.monotonic() - started:6.1f} s  {text}", flush=True)


def prepare_home() -> dict[str, str]:
    """Empty ``build/demo`` and return the environment of an Airflow that lives there."""
    shutil.rmtree(HOME, ignore_errors=True)
    HOME.mkdir(parents=True)
    environment = dict(os.environ)
    isolate(environment, HOME)
    environment.update(
        {
            "AIRFLOW__CORE__DAGS_FOLDER": str(ROOT / "dags_examples"),
            "AIRFLOW__CORE__DAGS_ARE_PAUSED_AT_CREATION": "False",
            # `airflow standalone` looks for `airflow` there.
            "PATH": os.pathsep.join([str(Path(sys.executable).parent), os.environ.get("PATH", os.defpath)]),
            "NO_COLOR": "1",
            "PYTHONUNBUFFERED": "1",
        }
    )
    return environment


def airflow(environment: dict[str, str], *arguments: str) -> None:
    """Run one Airflow command; its output goes to the log."""
    with LOG.open("ab") as log:
        code = subprocess.run([*AIRFLOW, *arguments], env=environment, stdout=log, stderr=log, check=False)
    if code.returncode:
        raise DemoFailed(f"`airflow {' '.join(arguments)}` ended with {code.returncode}.{last_lines()}")


def last_lines() -> str:
    lines = LOG.read_text(encoding="utf-8", errors="replace").splitlines()[-25:]
    return f" The end of {LOG}:\n" + "\n".join(f"  {line[:300]}" for line in lines)


# The runs


def run(sandbox: SandboxProcess, environment: dict[str, str], started: float) -> int:
    """Run each Dag twice and report; return the exit code."""
    say(started, f"Airflow makes its database in {HOME}")
    airflow(environment, "db", "migrate")
    say(started, f"Airflow runs the Dag {CUSTOMERS}")
    seconds = run_dag(CUSTOMERS, environment, started)
    first = finished_run(sandbox)
    say(started, "Airflow runs it a second time, with the same customers")
    run_dag(CUSTOMERS, environment, started)
    again = finished_run(sandbox, first)
    invoices = run_invoices(sandbox, environment, started)
    matches = resync(sandbox, environment, started)
    demo_summary.show(first, seconds)
    demo_summary.show_again(first, again)
    print(f"\n  Files                 {first.folder}\n{'':24}{again.folder}")
    demo_invoices.show(invoices)
    print(f"\n  Files                 {invoices.folders[0]}\n{'':24}{invoices.folders[1]}")
    demo_matches.show(matches)
    print(f"  Airflow's log         {LOG}\n")
    checks = [*demo_invoices.checks(invoices), *demo_matches.checks(matches)]
    failed = [*demo_summary.check(first, again, HOME), *demo_summary.report(checks)]
    say(started, f"FAILED: {len(failed)} checks" if failed else "Everything adds up.")
    return 1 if failed else 0


def finished_run(sandbox: SandboxProcess, *before: demo_summary.Run) -> demo_summary.Run:
    """Read what the run of the customers left that has just ended."""
    known = {run.folder for run in before}
    return demo_summary.Run(summary_of(CUSTOMERS, known), DATA / "customers.csv", sandbox)


def run_invoices(
    sandbox: SandboxProcess, environment: dict[str, str], started: float
) -> demo_invoices.Invoices:
    """Run the Dag of the orders twice; return both runs as one."""
    say(started, f"Airflow runs the Dag {INVOICES}")
    invoices = demo_invoices.Invoices(DATA / "orders.csv", sandbox)
    for _ in range(2):
        run_dag(INVOICES, environment, started)
        invoices.add(summary_of(INVOICES, set(invoices.folders)))
        if len(invoices.folders) == 1:
            say(started, "Airflow runs it a second time, with the same orders")
    say(started, "airflow vendor-apis quota")
    invoices.quota = quota(environment)
    return invoices


def summary_of(dag: str, known: set[Path]) -> Path:
    """Return the summary of the run that has just ended.

    :param dag: the Dag
    :param known: folders of the runs before
    """
    summaries = [path for path in HOME.glob(f"{dag}/*/summary.json") if path.parent not in known]
    if len(summaries) != 1:
        raise DemoFailed(f"the run left {len(summaries)} summaries instead of one.{last_lines()}")
    return summaries[0]


def quota(environment: dict[str, str]) -> dict[str, Any]:
    """Ask the command line what remains of mPOHODA's quota, which asks nobody."""
    command = [*AIRFLOW, "vendor-apis", "quota", "--conn-id", "mpohoda_default", "--output", "json"]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    with LOG.open("a", encoding="utf-8") as log:
        log.write(done.stdout + done.stderr)
    try:
        [found] = json.loads(done.stdout[done.stdout.index("[{") :])
    except ValueError:
        raise DemoFailed(f"`airflow vendor-apis quota` ended with {done.returncode}.{last_lines()}") from None
    return dict(found)


def resync(
    sandbox: SandboxProcess, environment: dict[str, str], started: float
) -> demo_matches.Resynchronisation:
    """Let Mobadoo take the account to be out of step, and bring it into step again."""
    say(started, f"Mobadoo is out of step; Airflow runs the Dag {MATCHES}")
    found = demo_matches.Resynchronisation(HOME / "mobadoo", sandbox)
    run_dag(MATCHES, environment, started, folder=str(found.folder))
    return found


def run_dag(dag: str, environment: dict[str, str], started: float, **conf: str) -> dict[str, float]:
    """Run a Dag in a process of its own; return the seconds of each task."""
    command = [*AIRFLOW, "dags", "test", dag, *(["--conf", json.dumps(conf)] if conf else [])]
    process = subprocess.Popen(
        command,
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        errors="replace",
    )
    timer = Timer(LONGEST_RUN, process.kill)
    timer.start()
    begun: dict[str, float] = {}
    seconds: dict[str, float] = {}
    try:
        for line in logged(process):
            if match := STARTED.search(line):
                begun[match[1]] = time.monotonic()
            elif match := ENDED.search(line):
                seconds[match[1]] = time.monotonic() - begun[match[1]]
                say(started, f"  {match[1]} ended")
            elif match := COUNTS.search(line):
                say(started, f"    {match[0].strip()}")
        code = process.wait()
    finally:
        timer.cancel()
        process.kill()
        process.wait()
    if code:
        raise DemoFailed(f"the run of the Dag ended with {code}.{last_lines()}")
    return seconds


def logged(process: subprocess.Popen[str]) -> Iterator[str]:
    """Give what a process prints line by line, and write it to the log."""
    assert process.stdout is not None
    with LOG.open("a", encoding="utf-8") as log:
        for line in process.stdout:
            log.write(line)
            yield line


# The web UI


def serve(sandbox: SandboxProcess, environment: dict[str, str], started: float, *, few: bool) -> int:
    """Run Airflow with its web UI until Ctrl+C."""
    url = f"http://127.0.0.1:{free_port(8080)}"
    environment.update(web_settings(url))
    # Several processes share the file: on a busy machine one waits for longer than SQLite's own five seconds.
    environment["AIRFLOW__DATABASE__SQL_ALCHEMY_CONN"] += "?timeout=120"
    environment["AIRFLOW__CORE__DAGS_FOLDER"] = str(demo_page.folder(HOME, ROOT / "dags_examples", few=few))
    say(started, f"Airflow makes its database in {HOME}")
    airflow(environment, "db", "migrate")
    import_connections(sandbox, environment)
    say(started, "Airflow starts")
    with LOG.open("ab") as log:
        # A session of its own: Ctrl+C reaches this process alone, which then stops the others in order.
        process = subprocess.Popen(
            ["airflow", "standalone"], env=environment, stdout=log, stderr=log, start_new_session=True
        )
    try:
        wait_until_healthy(url, process)
        say(started, "Airflow runs some Dags to fill the operations page")
        try:
            demo_page.fill(url, HOME, sandbox)
        except (requests.RequestException, RuntimeError, StoreUnavailable) as error:
            name = type(error).__name__
            if few:
                raise DemoFailed(f"the operations page could not be filled ({name}).") from None
            # The page is less full then; everything else can be used.
            say(started, f"The page is not full ({name}): the machine may be too busy")
        say(started, "Airflow is ready\n")
        print(f"  Operations   {url}/plugin/vendor-apis")
        print(f"  Web UI       {url}  (no login: everybody on this machine is admin)")
        print(f"  Trigger      {url}/dags/{CUSTOMERS}")
        print(f"               {url}/dags/{INVOICES}")
        print(f"  Connections  {url}/connections")
        print(f"  Sandbox      {sandbox.url}/_sandbox/state")
        print(f"  Log          {LOG}\n\n  Ctrl+C stops everything.", flush=True)
        return process.wait()
    except KeyboardInterrupt:
        print("\nStopping.", flush=True)
        return 0
    finally:
        stop(process)


def web_settings(url: str) -> dict[str, str]:
    """Return the settings of a web UI that nobody but this machine reaches."""
    return {
        "AIRFLOW__API__HOST": "127.0.0.1",
        "AIRFLOW__API__PORT": url.rpartition(":")[2],
        "AIRFLOW__API__BASE_URL": url,
        "AIRFLOW__API__WORKERS": "1",
        "AIRFLOW__CORE__EXECUTION_API_SERVER_URL": f"{url}/execution/",
        "AIRFLOW__CORE__SIMPLE_AUTH_MANAGER_ALL_ADMINS": "True",
        "AIRFLOW__CORE__TEST_CONNECTION": "Enabled",
        "AIRFLOW__CORE__PARALLELISM": "6",
        "AIRFLOW__VENDOR_APIS__WEBHOOK_CONNECTIONS": "mobadoo_default",
        "AIRFLOW__LOGGING__WORKER_LOG_SERVER_PORT": str(free_port()),
        "AIRFLOW__LOGGING__TRIGGER_LOG_SERVER_PORT": str(free_port()),
    }


def free_port(wanted: int = 0) -> int:
    """Find a free port, the wanted one if nobody has it."""
    with socket.socket() as listener:
        try:
            listener.bind(("127.0.0.1", wanted))
        except OSError:
            return free_port()
        return int(listener.getsockname()[1])


def import_connections(sandbox: SandboxProcess, environment: dict[str, str]) -> None:
    """Store the connections in Airflow's database: those of the environment are not shown in the UI."""
    connections = {
        # Airflow's import trips over an empty "extra".
        conn_id: {key: part for key, part in connection.items() if part}
        for conn_id, connection in demo_page.connections(sandbox.connections).items()
    }
    file = HOME / "connections.json"
    file.write_text(json.dumps(connections), encoding="utf-8")
    try:
        airflow(environment, "connections", "import", str(file))
    finally:
        file.unlink()


def wait_until_healthy(url: str, process: subprocess.Popen[bytes]) -> None:
    with requests.Session() as http:
        http.trust_env = False
        until = time.monotonic() + PATIENCE
        while time.monotonic() < until:
            if process.poll() is not None:
                raise DemoFailed(f"Airflow ended with {process.returncode}.{last_lines()}")
            try:
                health = http.get(f"{url}/api/v2/monitor/health", timeout=5).json()
                if all(
                    health[part]["status"] == "healthy"
                    for part in ("scheduler", "dag_processor", "triggerer")
                ):
                    return
            except (requests.RequestException, ValueError, KeyError):
                pass
            time.sleep(0.5)
    raise DemoFailed(f"Airflow was not ready after {PATIENCE} seconds.{last_lines()}")


def stop(process: subprocess.Popen[bytes]) -> None:
    """Stop Airflow and all that it started, kindly first."""
    for how, patience in ((signal.SIGINT, 15), (signal.SIGTERM, 10), (signal.SIGKILL, 5)):
        try:
            os.killpg(process.pid, how)
            process.wait(patience)
        except ProcessLookupError:
            return
        except subprocess.TimeoutExpired:
            continue


if __name__ == "__main__":
    sys.exit(main())
