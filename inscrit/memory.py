"""How a process that lives for weeks and holds thousands of connections looks for garbage."""

import gc

# Python's own figures, made for scripts, look through everything again and again while thousands
# of watchers come in: each look stands in the way of webhooks. What is new is looked at rarely,
# what is a little older in small pieces: short standstills. See decisions 60 and 73.
THRESHOLDS = (50_000, 2, 350)


def settle() -> None:
    """To be called once everything is loaded: it stays, so it need never be looked through."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(*THRESHOLDS)
