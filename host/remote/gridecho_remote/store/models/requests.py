"""Requests for access, and what people are told."""

from peewee import AutoField, BigIntegerField, CharField, ForeignKeyField, IntegerField, Model, TextField

from .people import Grant, User


class AccessRequest(Model):
    """Somebody asks for something: who they say they are, what for, and what they wish to see (`scope`, as JSON).

    `state`: rules/requests.py. `finding`: what came of looking who they are, as JSON; `reason`: why it was refused.
    """

    id = AutoField()
    user = ForeignKeyField(User)
    state = CharField()
    name = TextField()
    organisation = TextField()
    role = TextField()
    evidence = TextField()
    purpose = TextField()
    scope = TextField()
    lasts_days = IntegerField()
    made_ms = BigIntegerField()
    changed_ms = BigIntegerField()
    finding = TextField(default="")
    reason = TextField(default="")
    grant = ForeignKeyField(Grant, null=True)

    class Meta:
        table_name = "access_request"
        indexes = ((("state", "id"), False),)


class Notice(Model):
    """What somebody is told (reasons.py).

    `read_ms`: when they saw it; `mail_ms`: when it is to be sent to them next, null: it is not, or was.
    """

    id = AutoField()
    user = ForeignKeyField(User)
    at_ms = BigIntegerField()
    told = TextField()
    read_ms = BigIntegerField(null=True)
    mail_ms = BigIntegerField(null=True, index=True)
    tries = IntegerField(default=0)
