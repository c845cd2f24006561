"""Whether the web side in this container answers: exit code 0 only then.

Run every few seconds, so it loads next to nothing.
"""

import socket
import sys

REQUEST = b"GET /healthz HTTP/1.0\r\nHost: localhost\r\n\r\n"


def answers(port: int) -> bool:
    """Whether there is a 200 from /healthz within two seconds."""
    try:
        with socket.create_connection(("127.0.0.1", port), timeout=2) as connection:
            connection.sendall(REQUEST)
            return connection.recv(64).split(b" ")[1:2] == [b"200"]
    except OSError:
        return False


if __name__ == "__main__":
    sys.exit(not answers(int(sys.argv[1]) if len(sys.argv) > 1 else 8000))
