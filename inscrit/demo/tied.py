"""``python -m inscrit.demo.tied COMMAND …``: the command, ending with the process that began it.

The demo keeps the other end of our standard input. When it dies, however it dies, that end closes.
"""

import os
import signal
import sys
import threading


def _end_with_parent() -> None:
    while os.read(0, 1024):  # nobody writes; an empty answer is the end
        pass
    os.kill(os.getpid(), signal.SIGTERM)


if __name__ == "__main__":
    # Ctrl-C reaches the whole group; who began us says when to stop.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    threading.Thread(target=_end_with_parent, daemon=True).start()
    if sys.argv[1] == "mailbox":
        from inscrit.demo import mailbox

        mailbox.run(*sys.argv[2:])
    else:
        from inscrit.cli import main

        main(prog_name="inscrit")
