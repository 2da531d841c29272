"""`gridecho remote user`, `role` and `organisation`: who may log in, for whom they ask, and what they may do beyond looking."""

import json
from datetime import UTC, datetime
from pathlib import Path

import click

from ..rules.actor import OPERATOR
from ..rules.roles import Role, RoleKind, role
from ..use import openid, organisations, people, second, sessions
from .parts import config_option, json_option, opened, say_rows, sentences

_KINDS = click.Choice([str(kind) for kind in RoleKind])


@click.group()
def user() -> None:
    """People who may log in."""


@user.command("add")
@click.argument("name")
@click.option(
    "--operator", is_flag=True, help="They run the fleet, too: relays and their groups. See: gridecho remote role"
)
@config_option
@json_option
def user_add(name: str, operator: bool, config: Path, as_json: bool) -> None:
    """Add NAME and print a one-time password: one login within 24 hours, at which it must be changed.

    Example: gridecho remote user add ada
    """
    roles = [Role(RoleKind.OPERATOR)] if operator else []
    with opened(config) as site:
        _say_password(name, people.add(site, OPERATOR, name, roles), as_json)


@user.command("reset")
@click.argument("name")
@click.option("--second-factor", is_flag=True, help="End their second factor, too: they lost phone and recovery codes.")
@config_option
@json_option
def user_reset(name: str, second_factor: bool, config: Path, as_json: bool) -> None:
    """Give NAME a new one-time password and end their sessions. A second factor stays, unless said otherwise.

    Example: gridecho remote user reset ada
    """
    with opened(config) as site:
        if second_factor:
            second.remove_of_user(site, OPERATOR, name)
        _say_password(name, people.reset(site, OPERATOR, name), as_json)


@user.command("change")
@click.argument("name")
@click.option("--organisation", help='Whom they ask for; "" for nobody but themselves.')
@click.option("--email", help='Where they are written to; "" for nowhere.')
@config_option
def user_change(name: str, organisation: str | None, email: str | None, config: Path) -> None:
    """Say for which organisation NAME asks, and where they are written to.

    Example: gridecho remote user change ada --organisation "Statistics Office" --email ada@statistics.example
    """
    if organisation is None and email is None:
        raise click.UsageError("say --organisation, --email, or both")
    with opened(config) as site:
        if organisation is not None:
            people.set_organisation(site, OPERATOR, name, organisation.strip() or None)
        if email is not None:
            people.set_email(site, OPERATOR, name, email.strip() or None)
    click.echo(f"{name} is changed.")


@user.command("list")
@config_option
@json_option
def user_list(config: Path, as_json: bool) -> None:
    """List the users with their organisations and roles.

    Example: gridecho remote user list
    """
    with opened(config) as site:
        rows = [
            {
                "name": one.name,
                "organisation": one.organisation,
                "email": one.email,
                "roles": [str(held) for held in one.roles] or None,
            }
            for one in people.all_users(site, OPERATOR)
        ]
    say_rows([row | {"roles": row["roles"] or []} for row in rows] if as_json else rows, as_json)


@user.command("identify")
@click.argument("name")
@click.argument("subject", required=False)
@click.option("--no", is_flag=True, help="The provider does not let NAME in any more.")
@config_option
def user_identify(name: str, subject: str | None, no: bool, config: Path) -> None:
    """Say that NAME is whom the OpenID Connect provider of the settings calls SUBJECT ("sub"); they may log in by it then.

    Example: gridecho remote user identify ada 248289761001
    """
    if (subject is None) is not no:
        raise click.UsageError("say SUBJECT, or --no")
    with opened(config) as site:
        if subject is None:
            openid.forget(site, OPERATOR, name)
        else:
            openid.identify(site, OPERATOR, name, subject)
    click.echo(f"{name} logs in by the provider{' no more' if no else ', too'}.")


@user.command("logins")
@click.argument("name")
@config_option
@json_option
def user_logins(name: str, config: Path, as_json: bool) -> None:
    """List where NAME is logged in, what was used last first.

    Example: gridecho remote user logins ada
    """
    with opened(config) as site:
        found = sessions.of_user(site, OPERATOR, name)
    say_rows(
        [
            {
                "number": one.id,
                "since": datetime.fromtimestamp(one.begun_s, UTC).isoformat(),
                "last_used": datetime.fromtimestamp(one.seen_s, UTC).isoformat(),
                "address": one.address,
                "browser": one.agent,
            }
            for one in found
        ],
        as_json,
    )


@user.command("log-out")
@click.argument("name")
@click.option("--login", "number", type=click.IntRange(1, 2**31 - 1), help="Only this one, as the list numbers them.")
@config_option
def user_log_out(name: str, number: int | None, config: Path) -> None:
    """End NAME's logins; they can log in again.

    Example: gridecho remote user log-out ada
    """
    with opened(config) as site:
        ended = sessions.end_of_user(site, OPERATOR, name, number)
    click.echo(f"{ended} login{'' if ended == 1 else 's'} of {name} ended.")


@click.group("role")
def role_() -> None:
    """What users may do beyond looking at what was granted to them.

    operator: runs the fleet, as relays and their groups. administrator: decides who may see what lies in a region. auditor: reads
    the audit. None of them sees readings by it.
    """


def _region_option(command: click.decorators.FC) -> click.decorators.FC:
    return click.option("--region", default="", help="An administrator's, as north/city-a; without it: everywhere.")(
        command
    )


@role_.command("give")
@click.argument("name")
@click.argument("kind", type=_KINDS)
@_region_option
@config_option
def role_give(name: str, kind: str, region: str, config: Path) -> None:
    """Give NAME a role; it counts from their next request on.

    Example: gridecho remote role give ada administrator --region north/city-a
    """
    with sentences():
        given = role(kind, region)
    with opened(config) as site:
        people.give_role(site, OPERATOR, name, given)
    click.echo(f"{name} is {given} now. Take it back with: gridecho remote role take {name} {_words(given)}")


@role_.command("take")
@click.argument("name")
@click.argument("kind", type=_KINDS)
@_region_option
@config_option
def role_take(name: str, kind: str, region: str, config: Path) -> None:
    """Take a role from NAME, as it was given; they have it no more at their next request.

    Example: gridecho remote role take ada administrator --region north/city-a
    """
    with sentences():
        taken = role(kind, region)
    with opened(config) as site:
        people.take_role(site, OPERATOR, name, taken)
    click.echo(f"{name} is no {taken} any more.")


@click.group()
def organisation() -> None:
    """Organisations that users ask for."""


@organisation.command("add")
@click.argument("name")
@config_option
def organisation_add(name: str, config: Path) -> None:
    """Add the organisation NAME.

    Example: gridecho remote organisation add "Statistics Office"
    """
    with opened(config) as site:
        organisations.add(site, OPERATOR, name)
    click.echo(f'{name} is there. Put people into it with: gridecho remote user change USER --organisation "{name}"')


@organisation.command("remove")
@click.argument("name")
@config_option
def organisation_remove(name: str, config: Path) -> None:
    """Remove the organisation NAME, in which nobody is any more.

    Example: gridecho remote organisation remove "Statistics Office"
    """
    with opened(config) as site:
        organisations.remove(site, OPERATOR, name)
    click.echo(f"{name} is removed.")


@organisation.command("list")
@config_option
@json_option
def organisation_list(config: Path, as_json: bool) -> None:
    """List the organisations, and how many users are in each.

    Example: gridecho remote organisation list
    """
    with opened(config) as site:
        found = organisations.all_organisations(site, OPERATOR)
    say_rows([{"name": name, "users": users} for name, users in found], as_json)


def _words(given: Role) -> str:
    return f"{given.kind} --region {given.region}" if given.region else str(given.kind)


def _say_password(name: str, password: str, as_json: bool) -> None:
    if as_json:
        click.echo(json.dumps({"user": name, "one_time_password": password}))
    else:
        click.echo(f"One-time password for {name}: {password}")
        click.echo(f"It is good for one login within {people.ONE_TIME_HOURS} hours and must be changed there.")
