"""The application factory: blueprints, login, CSRF, limits and security headers put together."""

from datetime import timedelta
from importlib.metadata import version
from ipaddress import ip_network
from pathlib import Path

from apiflask import APIFlask
from flask import Flask, Response, g, request
from flask_bootstrap import Bootstrap5
from flask_compress import Compress
from flask_login import LoginManager, current_user
from flask_wtf import CSRFProtect
from flask_wtf.csrf import CSRFError
from werkzeug.exceptions import HTTPException

from .api import green_button as _green_button  # noqa: F401
from .api import imports as _imports_api  # noqa: F401
from .api import live as _live_api  # noqa: F401
from .api import lookers as _lookers_api  # noqa: F401  # they register their routes
from .api import routes as _routes_api  # noqa: F401
from .api.audit import audit_api
from .api.document import reference, set_document
from .api.fleet import fleet_api
from .api.grants import grant_api
from .api.groups import group_api
from .api.health import health_api
from .api.me import me_api
from .api.oauth import oauth
from .api.regions import region_api
from .api.requests import request_api
from .api.sensors import api
from .api.tables import json_of
from .live.hub import attach_live
from .pages import compare as _compare  # noqa: F401  # they register their pages
from .pages import first as _first  # noqa: F401
from .pages import imports as _imports  # noqa: F401
from .pages import joining as _joining  # noqa: F401
from .pages import language as _language  # noqa: F401
from .pages import lookers as _lookers  # noqa: F401
from .pages import mine as _mine  # noqa: F401
from .pages import oauth as _oauth  # noqa: F401
from .pages import openid as _openid  # noqa: F401
from .pages import overview as _overview  # noqa: F401
from .pages import programs as _programs  # noqa: F401
from .pages import second as _second  # noqa: F401
from .pages import sensors as _sensors  # noqa: F401
from .pages import your_account as _your_account  # noqa: F401
from .pages.account import ask_for_password, ask_to_log_in
from .pages.audit import audit_pages
from .pages.blueprint import pages
from .pages.fleet import fleet_pages
from .pages.grants import grant_pages
from .pages.groups import group_pages
from .pages.people import people_pages
from .pages.requests import request_pages
from .pages.setting_up import setup_pages
from .relay_api.routes import relay_api
from .rules.errors import (
    DamagedError,
    NotAllowedError,
    NotFoundError,
    RemoteError,
    StorageAwayError,
    StorageFullError,
    UnprovenError,
)
from .use.site import Site
from .web import files
from .web.authorization import attach_authorization
from .web.bodies import ApiRequest
from .web.calls import limit_calls
from .web.context import attach
from .web.downloads import limit_downloads
from .web.guard import set_guard
from .web.languages import attach_languages
from .web.limits import limit_guesses
from .web.parties import attach_parties
from .web.problems import answer, cannot_be, csrf_failed, damaged, nothing_there, storage_failed, unproven
from .web.proxies import TrustedProxies
from .web.requests import attach_request_ids
from .web.running import attach_running
from .web.sessions import load_user

_FORM_BYTES = 64 * 1024
_FILE_BYTES = 1 << 20  # as much as comes in here (doors.py)
_TAKE_FILES = ("api.import_file", "pages.sensor_imports")
_STATIC = Path(__file__).with_name("static")
_UPLOT = "vendor/uplot-1.6.32"  # tools/setup/vendor.sh
_POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; font-src 'self'; connect-src 'self'; "
    "form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
)
_SECURITY_HEADERS = {
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "same-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Permissions-Policy": "camera=(), geolocation=(), microphone=()",
}


def create_app(site: Site) -> Flask:
    """The remote as a WSGI application."""
    settings, archive = site.settings, site.archive
    at = f"/static/{files.version_of(_STATIC)}"
    app = APIFlask(
        __name__, "gridecho", version("gridecho"), spec_path=None, docs_path=None, json_errors=False, static_url_path=at
    )
    app.request_class = ApiRequest
    app.config.update(
        SECRET_KEY=archive.vault.session_key,
        # Browsers take a __Host- cookie from this very host over https only: no neighbouring host can plant one.
        SESSION_COOKIE_NAME="__Host-gridecho" if settings.secure_cookies else "gridecho",
        SESSION_COOKIE_HTTPONLY=True,
        SESSION_COOKIE_SAMESITE="Lax",
        SESSION_COOKIE_SECURE=settings.secure_cookies,
        PERMANENT_SESSION_LIFETIME=timedelta(hours=settings.session_hours),
        SESSION_REFRESH_EACH_REQUEST=False,  # the database says how long a login lasts
        MAX_CONTENT_LENGTH=_FORM_BYTES,
        SEND_FILE_MAX_AGE_DEFAULT=files.KEPT_S,
        BOOTSTRAP_SERVE_LOCAL=True,
        # Of what pages have in common with secrets, such as CSRF tokens, nothing is compressed; nor events, which must not wait.
        COMPRESS_MIMETYPES=["application/json", "text/csv"],
        COMPRESS_ALGORITHM=["gzip"],
        COMPRESS_ALGORITHM_STREAMING=["gzip"],
        COMPRESS_LEVEL=4,
        WTF_CSRF_TIME_LIMIT=None,  # a token lives as long as its session
        WTF_CSRF_SSL_STRICT=False,  # it compares with Host, which many TLS proxies do not hand on; the session's token counts
    )
    app.json.sort_keys = False  # type: ignore[attr-defined]
    attach(app, site)
    attach_request_ids(app, settings.log_requests)
    attach_parties(app)
    attach_authorization(app)
    attach_running(app, site)
    attach_live(app, site, lambda sensor_id, found: json_of({"sensor": sensor_id}, found))
    set_document(app)

    app.register_blueprint(relay_api)
    app.register_blueprint(api)
    app.register_blueprint(oauth)
    app.register_blueprint(pages)
    for part in (region_api, request_api, grant_api, me_api, fleet_api, group_api, audit_api, health_api, reference):
        app.register_blueprint(part)
    app.register_blueprint(fleet_pages)
    app.register_blueprint(group_pages)
    app.register_blueprint(setup_pages)
    app.register_blueprint(request_pages)
    app.register_blueprint(grant_pages)
    app.register_blueprint(people_pages)
    app.register_blueprint(audit_pages)
    app.jinja_env.globals["uplot"] = _UPLOT
    attach_languages(app, lambda: site.days.name)
    app.jinja_env.globals["about"] = site.about
    Bootstrap5(app)
    Compress(app)
    files.pack_files(app)
    files.version_others(app)

    @app.before_request
    def room_for_files() -> None:
        if request.endpoint in _TAKE_FILES and current_user.is_authenticated:
            request.max_content_length = _FILE_BYTES

    csrf = CSRFProtect(app)  # it reads forms
    for without_forms in (relay_api, oauth):
        csrf.exempt(without_forms)
    login = LoginManager(app)
    login.user_loader(load_user)
    set_guard(app, ask_to_log_in, ask_for_password)
    limit_calls(app, site)
    limit_guesses(app, site)
    limit_downloads(app, site.settings)
    app.register_error_handler(HTTPException, answer)
    app.register_error_handler(CSRFError, csrf_failed)
    app.register_error_handler(RemoteError, cannot_be)
    app.register_error_handler(UnprovenError, unproven)
    app.register_error_handler(NotFoundError, nothing_there)
    app.register_error_handler(NotAllowedError, nothing_there)
    app.register_error_handler(DamagedError, damaged)
    of_storage: tuple[type[Exception], ...] = (StorageFullError, StorageAwayError, *archive.engine.errors)
    for kind in of_storage:
        app.register_error_handler(kind, storage_failed)
    app.wsgi_app = TrustedProxies(app.wsgi_app, [ip_network(one) for one in settings.trusted_proxies])  # type: ignore[method-assign]

    @app.after_request
    def secure(response: Response) -> Response:
        for name, value in _SECURITY_HEADERS.items():
            response.headers.add(name, value)  # nothing else sets them, and to look for each takes time
        policy = _POLICY
        if "form_target" in g:
            policy = policy.replace("form-action 'self'", f"form-action 'self' {g.form_target}")
        response.headers.add("Content-Security-Policy", policy)
        if request.endpoint not in files.ENDPOINTS:
            response.headers["Cache-Control"] = "private, no-cache" if "ETag" in response.headers else "no-store"
        return response

    @app.teardown_appcontext
    def give_back_connection(_error: BaseException | None) -> None:
        archive.give_back()

    return app
