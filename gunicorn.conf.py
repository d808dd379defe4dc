"""How gunicorn serves smartportal; its command line overrides each value."""

import gc

wsgi_app = "smartportal.wsgi"
worker_class = "gthread"  # a request waits for EHRs most of its time
workers = 2
threads = 16
timeout = 60
limit_request_line = 8190  # `iss` and `launch` may have 2,000 characters each, three times as many when encoded


def post_worker_init(worker: object) -> None:
    """What is loaded by now stays for good: collecting garbage among it would cost every request some time."""
    gc.collect()
    gc.freeze()
