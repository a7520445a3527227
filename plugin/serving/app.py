"""The ASGI application: paths and what answers them."""

from __future__ import annotations

from starlette.middleware.cors import CORSMiddleware
from starlette.requests import Request
from starlette.responses import HTMLResponse, JSONResponse, PlainTextResponse, Response
from starlette.routing import Route, Router, WebSocketRoute
from starlette.types import ASGIApp, Receive, Scope, Send

from hushgate.serving.files.file_endpoint import FileEndpoint
from hushgate.serving.gatekeeper import Gatekeeper
from hushgate.serving.metrics import CONTENT_TYPE
from hushgate.serving.openapi import openapi_document, openapi_page
from hushgate.serving.request_fields import RequestError
from hushgate.serving.server_state import ServerState
from hushgate.serving.streams.stream_endpoint import StreamEndpoint

_PATHS = ("/", "/denoise", "/stream", "/presets", "/models", "/health", "/ready", "/metrics", "/openapi.json")


def make_app(state: ServerState) -> ASGIApp:
    """The application of a server.

    Args:
        state: Its job processes must have been started.
    """
    document = openapi_document(has_token=state.settings.token is not None)
    page = openapi_page(document)
    models = state.catalogue.list_models()
    presets = state.catalogue.list_presets()

    async def show_page(request: Request) -> Response:
        return HTMLResponse(page)

    async def show_document(request: Request) -> Response:
        return JSONResponse(document)

    async def show_presets(request: Request) -> Response:
        return JSONResponse(presets)

    async def show_models(request: Request) -> Response:
        return JSONResponse(models)

    async def show_metrics(request: Request) -> Response:
        return Response(state.metrics.exposition(), media_type=CONTENT_TYPE)

    async def show_health(request: Request) -> Response:
        return PlainTextResponse("ok\n")

    async def show_ready(request: Request) -> Response:
        if state.is_draining:
            raise RequestError("the server is shutting down.", 503)
        await state.jobs.check()
        return PlainTextResponse("ready\n")

    routes = [
        _Route("/", show_page),
        _Route("/openapi.json", show_document),
        _Route("/presets", show_presets),
        _Route("/models", show_models),
        _Route("/metrics", show_metrics),
        _Route("/health", show_health),
        _Route("/ready", show_ready),
        _Route("/denoise", FileEndpoint(state), methods=["POST"]),
        WebSocketRoute("/stream", StreamEndpoint(state)),
    ]
    app: ASGIApp = Gatekeeper(Router(routes, redirect_slashes=False, default=_refuse_path), state, _PATHS)
    if state.settings.origins:  # before the gatekeeper: a browser asks first, without the token
        app = CORSMiddleware(
            app,
            allow_origins=list(state.settings.origins),
            allow_methods=["GET", "POST"],
            allow_headers=["Authorization", "Content-Type"],
            expose_headers=["Hushgate-Warnings", "Hushgate-Latency-Samples", "Hushgate-Duration-S"],
        )
    return app


class _Route(Route):
    """A route that refuses other methods as the server refuses everything else."""

    async def handle(self, scope: Scope, receive: Receive, send: Send) -> None:
        methods = sorted(self.methods or ())
        if methods and scope["method"] not in methods:
            message = f"{self.path} takes {' and '.join(methods)} (got {scope['method'][:64]!r})."
            raise RequestError(message, 405, methods=methods)
        await super().handle(scope, receive, send)


async def _refuse_path(scope: Scope, receive: Receive, send: Send) -> None:
    kind = "HTTP requests" if scope["type"] == "http" else "WebSockets"
    raise RequestError(f"there is no path {scope['path'][:64]!r} for {kind}. The page at / lists all.", 404)
