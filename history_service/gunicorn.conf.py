"""How gunicorn runs the service: gunicorn -c history_service/gunicorn.conf.py"""

import gc
import os
import resource
import shutil
import tempfile

# Before anything imports prometheus_client: it then counts in files that all workers share.
_own_folder = "PROMETHEUS_MULTIPROC_DIR" not in os.environ
if _own_folder:
    os.environ["PROMETHEUS_MULTIPROC_DIR"] = tempfile.mkdtemp(prefix="history-metrics-")

from history_service.settings import load_settings  # noqa: E402

settings = load_settings()

# A connection that waits costs a descriptor, no thread: 10,000 silent ones leave room for others.
_soft, _most = resource.getrlimit(resource.RLIMIT_NOFILE)
_files = 12_000 if _most == resource.RLIM_INFINITY else min(_most, 12_000)
if 0 <= _soft < _files:
    resource.setrlimit(resource.RLIMIT_NOFILE, (_files, _most))

_host = f"[{settings['HOST']}]" if ":" in settings["HOST"] else settings["HOST"]
bind = f"{_host}:{settings['PORT']}"
wsgi_app = "history_service.wsgi:app"
workers = settings["WORKERS"]
worker_class = "history_service.worker.Worker"
threads = settings["THREADS"]
worker_connections = max(_files - 1_000, _files // 2)
keepalive = 75  # seconds: longer than most load balancers wait, so that they close first
graceful_timeout = round(settings["DEADLINE_S"]) + 5  # requests in flight are finished first
timeout = 60
limit_request_line = 8190  # bytes: filters in any language fit
worker_tmp_dir = "/dev/shm" if os.path.isdir("/dev/shm") else None  # noqa: S108  # a heartbeat file  # nosec B108
control_socket_disable = True


def post_worker_init(worker):
    """What is there before the first request stays: nobody need look for garbage in it again."""
    gc.collect()
    gc.freeze()


def child_exit(server, worker):
    """A worker's gauges end with it; its counters stay in the sums."""
    from prometheus_client.multiprocess import mark_process_dead

    mark_process_dead(worker.pid)


def on_exit(server):
    if _own_folder:
        shutil.rmtree(os.environ["PROMETHEUS_MULTIPROC_DIR"], ignore_errors=True)
