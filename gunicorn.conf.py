"""How gunicorn serves smartportal; its command line overrides each value."""

import atexit
import gc
import os
import shutil
import tempfile
from functools import partial
from typing import Any

wsgi_app = "smartportal.wsgi"
worker_class = "gthread"  # a request waits for EHRs most of its time
workers = 2
threads = 16
timeout = 60
limit_request_line = 8190  # `iss` and `launch` may have 2,000 characters each, three times as many when encoded

_MASTER = "SMARTPORTAL_METRICS_MASTER"


def _count_together() -> None:
    """A folder of this master's own, where all its workers count for /metrics, made before any of them is started.

    A reload (HUP) reads this file again and keeps the folder, with what is counted so far; a new master (USR2) gets
    the old one's environment, and makes its own.
    """
    if os.environ.get(_MASTER) == str(os.getpid()):
        return
    folder = tempfile.mkdtemp(prefix="smartportal-metrics-")
    os.environ.update({_MASTER: str(os.getpid()), "PROMETHEUS_MULTIPROC_DIR": folder})
    atexit.register(partial(_remove, folder, master=os.getpid()))


def _remove(folder: str, *, master: int) -> None:
    # Workers inherit what is to be done at the end; the folder is not theirs.
    if os.getpid() == master:
        shutil.rmtree(folder, ignore_errors=True)


_count_together()

# It decides when it is imported, once for all workers, whether they count together.
from prometheus_client import multiprocess  # noqa: E402


def on_starting(server: Any) -> None:
    """Where workers run as somebody else than the master (--user), the folder is theirs."""
    if os.geteuid() == 0:
        os.chown(os.environ["PROMETHEUS_MULTIPROC_DIR"], server.cfg.uid, server.cfg.gid)


def post_worker_init(worker: object) -> None:
    """What is loaded by now stays for good: collecting garbage among it would cost every request some time."""
    gc.collect()
    gc.freeze()


def child_exit(server: object, worker: Any) -> None:
    """What a worker has counted stays; what only holds while it runs, such as its open circuits, goes with it."""
    multiprocess.mark_process_dead(worker.pid)
