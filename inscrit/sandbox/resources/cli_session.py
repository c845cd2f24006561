"""Where ``stripe listen`` learns which websocket to open; undocumented."""

from inscrit.sandbox.ids import new_id, token
from inscrit.sandbox.listeners import FEATURE
from inscrit.sandbox.operations import Call, operation
from inscrit.sandbox.store import StripeObject
from inscrit.sandbox.version import API_VERSION

RECONNECT_SECONDS = 60


class Beginning:
    """What the CLI says of itself."""

    device_name: str
    websocket_features: list[str]
    forward_to_url: str
    forward_connect_to_url: str
    forward_thin_to_url: str
    forward_thin_connect_to_url: str
    filters: str
    expand: list[str]


@operation("POST", "/v1/stripecli/sessions", Beginning)
def create(call: Call) -> StripeObject:
    features: list[str] = call.params.get("websocket_features") or [FEATURE]
    return {
        "id": new_id("cliws"),
        "object": "stripecli.session",
        "default_version": API_VERSION,
        "device_token": token(24),
        "display_connect_filter_warning": False,
        "latest_version": API_VERSION,
        "reconnect_delay": RECONNECT_SECONDS,
        "secret": call.sim.listeners.secret,
        "websocket_authorized_feature": features[0],
        "websocket_id": call.sim.listeners.issue(),
        "websocket_url": call.sim.config.origin.replace("http", "ws", 1) + "/subscribe",
    }
