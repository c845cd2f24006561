"""The sandbox as a web application, and the server that runs it."""

import asyncio
import contextlib
import errno
import ipaddress
import signal
import socket
import sqlite3
import threading
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path

import structlog
import uvicorn
from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.middleware.trustedhost import TrustedHostMiddleware
from starlette.routing import Mount, Route, WebSocketRoute
from starlette.staticfiles import StaticFiles

from inscrit.sandbox.api import Api
from inscrit.sandbox.config import SandboxConfig, SandboxError
from inscrit.sandbox.control import Control
from inscrit.sandbox.dashboard import Dashboard
from inscrit.sandbox.pages import Pages
from inscrit.sandbox.resources.webhook_endpoint import is_web_address, register
from inscrit.sandbox.simulator import Simulator

__all__ = ["SandboxConfig", "SandboxError", "create_app", "run"]

log = structlog.get_logger("inscrit.sandbox")

STATIC = Path(__file__).parent / "static"
METHODS = ["GET", "POST", "DELETE", "PUT", "PATCH"]


def create_app(config: SandboxConfig) -> Starlette:
    """The whole sandbox as one ASGI application; its background work runs in its lifespan."""
    if config.data_dir:
        config.data_dir.mkdir(parents=True, exist_ok=True)
    sim = Simulator(config)
    pages, control = Pages(sim), Control(sim)
    api = Api(sim)
    app = Starlette(
        routes=[
            Route("/v1/{rest:path}", api.respond_to, methods=METHODS),
            WebSocketRoute("/subscribe", sim.listeners.serve),
            Mount("/static", StaticFiles(directory=STATIC)),
            *pages.routes(),
            *control.routes(api.limits),
            *Dashboard(sim, api.limits, pages.templates).routes(),
        ],
        exception_handlers={404: pages.unknown},
        middleware=[
            Middleware(TrustedHostMiddleware, allowed_hosts=config.known_hosts, www_redirect=False)
        ],
        lifespan=lambda _: living(sim),
    )
    app.state.simulator = sim
    return app


@asynccontextmanager
async def living(sim: Simulator) -> AsyncIterator[None]:
    if sim.config.webhook_url:
        with sim.transaction():
            register(sim, sim.config.webhook_url, sim.config.webhook_secret)
    work = asyncio.create_task(sim.run())
    try:
        yield
    finally:
        work.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await work
        await sim.close()


def run(config: SandboxConfig) -> None:
    """Serve until SIGINT or SIGTERM. Raises :class:`SandboxError` if it cannot start."""
    check_webhook(config)
    with listen(config) as listening:
        config = replace(config, port=listening.getsockname()[1])
        app = build(config)
        log.info("sandbox ready", dashboard=f"{config.origin}/", api=config.origin)
        server = uvicorn.Server(
            uvicorn.Config(app, log_level="warning", access_log=False, timeout_graceful_shutdown=2)
        )
        with quiet_signals():
            server.run(sockets=[listening])


def check_webhook(config: SandboxConfig) -> None:
    if config.webhook_url is not None and not is_web_address(config.webhook_url):
        raise SandboxError(
            f"The webhook URL {config.webhook_url!r} is not a web address. Write it in full, such "
            "as http://127.0.0.1:8000/stripe/webhooks."
        )
    if config.webhook_secret is not None and not config.webhook_secret.startswith("whsec_"):
        raise SandboxError(
            "The webhook secret must begin with whsec_. Leave it out to have one made up."
        )


def build(config: SandboxConfig) -> Starlette:
    """The application, or why its data directory cannot be used."""
    try:
        return create_app(config)
    except sqlite3.DatabaseError as error:
        raise SandboxError(
            f"The sandbox cannot use {config.data_dir}/sandbox.sqlite3 ({error}). Move that file "
            "away, or choose another data directory."
        ) from error
    except OSError as error:
        raise SandboxError(
            f"The sandbox cannot keep its state in {config.data_dir} ({error.strerror}). Choose a "
            "folder it may write to, or none, to keep everything in memory."
        ) from error


@contextlib.contextmanager
def quiet_signals() -> Iterator[None]:
    """Uvicorn stops at a signal and then raises it again; by then there is nothing left to do."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    numbers = (signal.SIGINT, signal.SIGTERM)
    before = [signal.signal(number, lambda *_: None) for number in numbers]
    try:
        yield
    finally:
        for number, handler in zip(numbers, before, strict=True):
            signal.signal(number, handler)


def listen(config: SandboxConfig) -> socket.socket:
    """A listening socket on a loopback address, or on any other if the configuration says so."""
    if not (config.allow_public or is_loopback(config.host)):
        raise SandboxError(
            f"The sandbox accepts any key and shows everything, so it does not listen on the "
            f"public address {config.host}. Use 127.0.0.1, or allow it expressly (allow_public)."
        )
    try:
        return socket.create_server(
            (config.host, config.port),
            family=socket.AF_INET6 if ":" in config.host else socket.AF_INET,
            backlog=2048,
        )
    except OSError as error:
        raise SandboxError(why_not(config, error)) from error


def why_not(config: SandboxConfig, error: OSError) -> str:
    if error.errno == errno.EADDRINUSE:
        return (
            f"Port {config.port} on {config.host} is taken: another sandbox may be running. Stop "
            "it, or choose another port."
        )
    return f"Cannot listen on {config.host}, port {config.port}: {error.strerror}."


def is_loopback(host: str) -> bool:
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False
