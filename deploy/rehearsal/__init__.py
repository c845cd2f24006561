"""The operator's story, word for word, on a real Docker Engine in swarm mode.

Builds the image, makes a swarm, creates the secrets, deploys deploy/stack.yml with the sandbox as
Stripe, then kills, rotates and updates under load, counts what was lost, and takes all of it down.
Needs Python 3.11, Docker with BuildKit, and nothing else.
"""
