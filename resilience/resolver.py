"""Name lookup within the deadline of the call."""

import errno
import socket
import threading
from concurrent.futures import Future
from typing import Any

from resilience import deadlines


def addresses(host: str, port: int | str | None) -> list[Any]:
    """Return what ``socket.getaddrinfo`` finds for a stream socket. Raises OSError or DeadlineExceeded.

    The resolver has no timeout, so it runs in a thread, which is abandoned if it hangs.
    """
    found: Future[list[Any]] = Future()

    def look_up() -> None:
        try:
            found.set_result(socket.getaddrinfo(host, port, type=socket.SOCK_STREAM))
        except UnicodeError:
            found.set_exception(socket.gaierror(f"{host!r} is no host name"))
        except Exception as error:
            found.set_exception(error)

    try:
        threading.Thread(target=look_up, name="resolver", daemon=True).start()
    except RuntimeError as error:  # no more threads
        raise OSError(errno.EAGAIN, "no thread can be started") from error
    try:
        return found.result(deadlines.remaining())
    except TimeoutError as error:
        raise deadlines.DeadlineExceeded from error
