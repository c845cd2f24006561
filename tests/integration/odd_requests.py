"""Signatures and whole requests that nobody should send, as Hypothesis strategies."""

import gzip
import hmac
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from hypothesis import strategies as st

from .running_lane import PATH, SECRET, signature

Signing = Callable[[bytes], str]  # a part of a Stripe-Signature header for a body


def header_of(some: Sequence[Signing], body: bytes) -> bytes:
    return ",".join(signing(body) for signing in some).encode("utf-8", "replace")


def _said(text: str) -> Signing:
    return lambda _body: text


def _moment(seconds: int) -> str:
    return str(int(time.time()) + seconds)


def _signed_for(moment: str) -> Signing:
    """A signature of ours that is right, but not of now."""

    def signing(body: bytes) -> str:
        mac = hmac.new(SECRET.encode(), moment.encode() + b"." + body, "sha256")
        return f"t={moment},v1={mac.hexdigest()}"

    return signing


def _now(body: bytes) -> str:
    return f"t={_moment(0)}"


def _now_with_a_space(_body: bytes) -> str:
    return f" t={_moment(0)}"


def _ours(body: bytes) -> str:
    return signature(body, time.time()).decode().split(",")[1]


def _ours_as_v0(body: bytes) -> str:
    return _ours(body).replace("v1", "v0")


def _anothers(body: bytes) -> str:
    return signature(body, time.time(), "whsec_another").decode()


NOT_NOW = ["-1", "0", "1e9", "+1", "9" * 12, "9" * 400, "9" * 5000, "soon", "", "1.5", "1_0", " 1"]
SCRAPS = ["", "t", "t=", "=", "v1", "v1=", "v1=é", "v1=" + "0" * 64, "v2=1", " ", ";", "a=b=c"]
scraps = st.sampled_from(SCRAPS).map(_said)
crowds = st.integers(1, 3000).map(lambda many: _said(",".join(["v1=" + "f" * 64] * many)))
elsewhen = st.sampled_from([-(10**6), -330, 330, 10**6, 10**9]).map(_moment)
without_ours = (
    (elsewhen | st.sampled_from(NOT_NOW)).map(_signed_for)
    | st.sampled_from([_now, _now_with_a_space, _ours_as_v0, _anothers])
    | st.text(max_size=30).map(_said)
    | scraps
    | crowds
)
harmless = st.sampled_from(["v1=" + "0" * 64, "v1=", "v0=1", "v2=x=y=z", "", "b", " t=1"]).map(
    _said
)
ours_among_others = st.lists(harmless | st.just(_ours_as_v0), max_size=20).flatmap(
    lambda others: st.permutations([_now, _ours, *others])
)


def whole_request(body: bytes) -> bytes:
    """One that is answered 200."""
    return _request("POST", PATH, [b"Content-Length: %d" % len(body), *_signature(body)], body)


def _signature(body: bytes) -> list[bytes]:
    return [b"Stripe-Signature: " + signature(body, time.time())]


def _request(method: str, path: str, lines: Sequence[bytes], body: bytes) -> bytes:
    first = f"{method} {path} HTTP/1.1".encode()
    head = [first, b"Host: localhost", b"Connection: close", *lines]
    return b"\r\n".join([*head, b"", body])


def _chunked(body: bytes, *, end: bool = True) -> bytes:
    pieces = [body[at : at + 100] for at in range(0, len(body), 100)]
    sent = b"".join(b"%x\r\n%s\r\n" % (len(piece), piece) for piece in pieces)
    return sent + (b"0\r\n\r\n" if end else b"")


@dataclass(frozen=True, slots=True)
class OddRequest:
    """``framing`` says how the body's length is told, by its name in FRAMINGS."""

    method: str
    path: str
    framing: str
    sign: Callable[[bytes], list[bytes]]
    more: list[bytes]

    def around(self, body: bytes) -> bytes:
        lines, sent = FRAMINGS[self.framing](body)
        return _request(self.method, self.path, [*self.sign(body), *lines, *self.more], sent)


def _twice(body: bytes) -> list[bytes]:
    return [*_signature(body), b"Stripe-Signature: t=1,v1=0"]


def _unsigned(_body: bytes) -> list[bytes]:
    return []


def _length(stated: object) -> list[bytes]:
    return [f"Content-Length: {stated}".encode()]


CHUNKED = b"Transfer-Encoding: chunked"
FRAMINGS: dict[str, Callable[[bytes], tuple[list[bytes], bytes]]] = {
    "right": lambda body: (_length(len(body)), body),
    "none": lambda body: ([], body),
    "less": lambda body: (_length(len(body) - 10), body),
    "more": lambda body: (_length(len(body) + 10), body),
    "nothing": lambda body: (_length(0), body),
    "negative": lambda body: (_length(-1), body),
    "no number": lambda body: (_length("many"), body),
    "fraction": lambda body: (_length(f"{len(body)}.0"), body),
    "too large": lambda body: (_length(10**7), body),
    "endless": lambda body: (_length("9" * 5000), body),
    "two lengths": lambda body: (_length(len(body)) + _length(1), body),
    "chunks": lambda body: ([CHUNKED], _chunked(body)),
    "chunks without end": lambda body: ([CHUNKED], _chunked(body, end=False)),
    "no chunks": lambda body: ([CHUNKED], body),
    "chunks and length": lambda body: ([CHUNKED, *_length(len(body))], _chunked(body)),
    "many chunks": lambda body: ([CHUNKED], _chunked(body * 8000)),
    "gzip": lambda body: (
        [b"Content-Encoding: gzip", *_length(len(gzip.compress(body)))],
        gzip.compress(body),
    ),
}
MORE = [
    b"Content-Type: text/plain; charset=utf-16",
    b"Content-Type: multipart/form-data",
    b"Content-Encoding: br",
    b"Expect: 100-continue",
    b"Upgrade: websocket",
    b"Upgrade: h2c",
    b"Connection: Upgrade",
    b"X-Forwarded-For: \xff\xfe",
    b"X-Forwarded-Proto: gopher",
    b"X-Long: " + b"x" * 100_000,
    b"Cookie: sessionid=\x80",
    b"Host: elsewhere",
    b"No colon",
    b": no name",
    b" folded",
]
METHODS = ["POST", "POST", "POST", "GET", "HEAD", "PUT", "OPTIONS", "FOO"]
odd_requests = st.builds(
    OddRequest,
    method=st.sampled_from(METHODS),
    path=st.sampled_from([PATH, f"{PATH}/", f"{PATH}?a=b", f"http://localhost{PATH}"]),
    framing=st.sampled_from(sorted(FRAMINGS)),
    sign=st.sampled_from([_signature, _twice, _unsigned]),
    more=st.lists(
        st.sampled_from(MORE) | st.binary(max_size=30).map(lambda said: b"X-Junk: " + said),
        max_size=3,
    ),
)
