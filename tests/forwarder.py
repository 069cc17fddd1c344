"""A name that moves: an address of its own, and where it leads to at the moment."""

import contextlib
import socket
import threading


class Forwarder:
    """Passes on what comes to ``address``. Connections that are open stay with the server that they were made to.

    ``go_silent`` makes it pass nothing on any more, on open connections and on new ones, which it still accepts.
    """

    def __init__(self, target: tuple[str, int], address: tuple[str, int] = ("127.0.0.1", 0)) -> None:
        self.target = target
        self._passes = threading.Event()
        self._passes.set()
        self._open: list[socket.socket] = []
        self._listener = socket.create_server(address, backlog=200)
        self.port: int = self._listener.getsockname()[1]
        threading.Thread(target=self._accept, daemon=True).start()

    def go_silent(self) -> None:
        self._passes.clear()

    def speak(self) -> None:
        self._passes.set()

    def close(self) -> None:
        self._passes.set()
        for each in (self._listener, *self._open):
            with contextlib.suppress(OSError):
                each.shutdown(socket.SHUT_RDWR)
            each.close()

    def __enter__(self) -> "Forwarder":
        return self

    def __exit__(self, *error: object) -> None:
        self.close()

    def _accept(self) -> None:
        with contextlib.suppress(OSError):
            while True:
                client, _ = self._listener.accept()
                threading.Thread(target=self._relay, args=(client,), daemon=True).start()

    def _relay(self, client: socket.socket) -> None:
        self._open.append(client)
        self._passes.wait()
        with contextlib.suppress(OSError):
            server = socket.create_connection(self.target)
            self._open.append(server)
            threading.Thread(target=self._pass_on, args=(server, client), daemon=True).start()
            self._pass_on(client, server)

    def _pass_on(self, source: socket.socket, target: socket.socket) -> None:
        with contextlib.suppress(OSError), source, target:
            while data := source.recv(65536):
                self._passes.wait()
                target.sendall(data)
