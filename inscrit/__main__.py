"""``python -m inscrit`` is the command ``inscrit``."""

from inscrit.cli import main

main(prog_name="inscrit")
