"""The page on which a person lets an application see some of what is theirs, and the list of those that they let."""

from typing import Any

from authlib.oauth2 import OAuth2Error
from flask import Response, flash, g, redirect, render_template, request, url_for
from flask_babel import gettext, lazy_gettext
from werkzeug.wrappers import Response as BaseResponse
from wtforms import SubmitField

from ..rules.errors import RemoteError
from ..rules.redirects import form_target
from ..rules.scope_words import words_of_part
from ..use import consents
from ..use.consents import ConsentInfo
from ..web.authorization import Choice, add_issuer, answer_to, the_server
from ..web.context import the_actor, the_site
from ..web.guard import Need, needs
from ..web.languages import the_language
from .blueprint import pages
from .language import ago
from .part_fields import PartForm

_MOST_ID = (1 << 31) - 1


class ConsentForm(PartForm):
    """What an application is to see."""

    allow = SubmitField(lazy_gettext("Allow"))
    deny = SubmitField(lazy_gettext("Do not allow"))


@pages.route("/oauth/authorize", methods=["GET", "POST"])
@needs(Need.PERSON)
def authorize() -> BaseResponse:
    """Names the application and lets the person choose; then leads them back to it, with a code or without one."""
    site, actor, server = the_site(), the_actor(), the_server()
    try:
        grant = server.get_consent_grant(end_user=actor)
    except OAuth2Error as error:
        if not error.redirect_uri:  # nobody is led to where nobody knows who it is
            raise RemoteError("oauth-request", why=error.description or error.error) from None
        return add_issuer(server.handle_error_response(None, error))
    application, back = grant.request.client.info, grant.redirect_uri
    # A browser asks the policy of the page whether its form may lead there in the end.
    g.form_target = form_target(back)
    form, status = ConsentForm(), 200
    form.sensors.description = gettext("Yours, by contract.")
    form.offer(consents.offered(site, actor))
    if request.method == "GET":
        form.sensors.data = [choice.value for choice in form.sensors.choices]
    elif form.deny.data:
        form.days.validators = ()
        if form.csrf_token.validate(form):
            return answer_to(grant, None)
    if form.validate_on_submit():
        if form.sensors.data:
            chosen = Choice(actor, form.part(), form.days.data)
            return answer_to(grant, chosen)
        form.sensors.errors = [gettext("Choose one at least.")]
    if form.is_submitted():
        status = 400
    host = back.split("/")[2]
    return Response(render_template("authorize.html", form=form, name=application.name, host=host), status)


@pages.post("/account/applications/<int:number>/end")
@needs(Need.PERSON)
def end_consent(number: int) -> BaseResponse:
    """Ends what an application may see."""
    consents.end(the_site(), the_actor(), min(number, _MOST_ID))
    flash(gettext("That application sees nothing of yours any more."), "success")
    return redirect(url_for("pages.programs"))


def consent_rows() -> list[dict[str, Any]]:
    """What the person let applications see, in words."""
    site = the_site()
    return [_row(one) for one in consents.mine(site, the_actor())]


def _row(one: ConsentInfo) -> dict[str, Any]:
    site = the_site()
    return {
        "id": one.id,
        "name": one.application,
        "opens": words_of_part(one.part, site.days.zone, the_language()),
        "expires_ms": one.expires_s * 1000,
        "used": gettext("never") if one.used_s is None else ago(max(0, site.clock() - one.used_s)),
    }
