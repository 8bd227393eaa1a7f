"""A way to a server that can be cut and fixed: what pods see when a server is away."""

import socket
from contextlib import suppress
from threading import Thread


class Forward:
    """Passes connections at `address` on to a server; while it is cut it refuses new ones and drops those there are."""

    def __init__(self, host: str, server: tuple[str, int]) -> None:
        self._server = server
        self._cut = False
        self._open: set[socket.socket] = set()
        self._listening = socket.create_server((host, 0))
        self.address = f"{host}:{self._listening.getsockname()[1]}"
        Thread(target=self._accept, daemon=True).start()

    def cut(self) -> None:
        """From now on nobody gets through."""
        self._cut = True
        for one in list(self._open):
            with suppress(OSError):
                one.shutdown(socket.SHUT_RDWR)

    def mend(self) -> None:
        """From now on everybody gets through again."""
        self._cut = False

    def stop(self) -> None:
        """Close it for good."""
        self.cut()
        self._listening.close()

    def _accept(self) -> None:
        with suppress(OSError):  # it was stopped
            while True:
                client, _ = self._listening.accept()
                if self._cut:
                    client.close()
                    continue
                server = socket.create_connection(self._server)
                self._open |= {client, server}
                for source, target in ((client, server), (server, client)):
                    Thread(target=self._pass_on, args=(source, target), daemon=True).start()

    def _pass_on(self, source: socket.socket, target: socket.socket) -> None:
        with suppress(OSError):
            while data := source.recv(1 << 16):
                target.sendall(data)
        for one in (source, target):
            with suppress(OSError):
                one.shutdown(socket.SHUT_RDWR)
            self._open.discard(one)
            one.close()
