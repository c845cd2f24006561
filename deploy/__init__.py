"""How Inscrit is installed with containers, and the rehearsal of it."""
