"""A Stripe of one's own: the API, the hosted checkout page and the webhooks, on this machine.

It knows nothing of the application it is used with. Start it with ``inscrit sandbox`` or with
:func:`inscrit.sandbox.server.run`, and point the application's Stripe library at its address.
"""
