"""Side by side: while the compiler has the processors, what downloads and unpacks can go on beside it."""

from collections.abc import Callable
from concurrent.futures import FIRST_EXCEPTION, ThreadPoolExecutor, wait

from cluster import run
from cluster.errors import Stopped
from cluster.progress import note

# A program that was asked to stop gets so long to tidy up before it is told to.
TIDY_SECONDS = 10.0


def together(*jobs: Callable[[], object]) -> None:
    """Run all in threads; returns when all have ended. The first that fails stops the others, and its error is raised.

    Call it from the main thread only: Ctrl-C ends it, and it waits until what it had started is gone.
    """
    try:
        with ThreadPoolExecutor(len(jobs)) as pool:
            running = [pool.submit(job) for job in jobs]
            failed = True
            try:
                ended, _ = wait(running, return_when=FIRST_EXCEPTION)
                failed = any(job.exception() is not None for job in ended)
            finally:
                if failed:
                    run.stop_all()
                    if wait(running, TIDY_SECONDS).not_done:
                        run.stop_all(insist=True)
    finally:
        run.may_go_on()
    errors = [error for job in running if (error := job.exception()) is not None]
    if not errors:
        return
    own = [error for error in errors if not isinstance(error, Stopped)]
    for other in own[1:]:
        note(str(other))
    raise (own or errors)[0]
