"""Whether a port can be listened on, asked before anything is started."""

import socket


class PortTaken(Exception):
    """Something else listens there; the message says what to do."""


def require(host: str, port: int) -> None:
    """Raises PortTaken if nothing more can listen on this address."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    with socket.socket(family, socket.SOCK_STREAM) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
        except OSError as error:
            raise PortTaken(
                f"{host}:{port} can't be listened on ({error.strerror}). "
                "Stop what runs there, or choose another one with --port."
            ) from None


def free() -> int:
    """A port of this machine that nothing listens on now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port
