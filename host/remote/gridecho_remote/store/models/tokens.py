"""Tokens for programs, and applications of others to which people consent. Of secrets there are SHA-256 digests only."""

from peewee import AutoField, BigIntegerField, BlobField, CharField, ForeignKeyField, Model, TextField

from .people import User


class Application(Model):
    """A program of somebody else's that an operator knows. `redirects`: a JSON list of addresses to which people are led back.

    `secret`: null for one that cannot keep any, such as one on a phone.
    """

    id = AutoField()
    client_id = CharField(unique=True)
    name = CharField()
    key = CharField()  # `key_of` the name: of those that have not ended none has the same
    redirects = TextField()
    secret = BlobField(null=True)
    added_s = BigIntegerField()
    ended_s = BigIntegerField(null=True)


class Consent(Model):
    """What a user let an application see (`scope` as rules/plain_scopes.py says it), and the code that it takes that up with, once.

    `digest`: the code's; `challenge`: of whom it is good for (RFC 7636). `taken_s`: null while it was not used.
    """

    id = AutoField()
    user = ForeignKeyField(User)
    application = ForeignKeyField(Application)
    scope = TextField()
    given_s = BigIntegerField()
    expires_s = BigIntegerField()
    digest = BlobField(unique=True)
    redirect = TextField()
    challenge = TextField()
    code_until_s = BigIntegerField()
    taken_s = BigIntegerField(null=True)
    ended_s = BigIntegerField(null=True)


class Token(Model):
    """What a program shows: its user's own, or an application's, which has a consent. One that has ended is not there any more.

    `scope`: as above. `used_s`: when it was last used, to a minute; of one by which an application gets new ones, when it did.
    """

    id = AutoField()
    user = ForeignKeyField(User)
    consent = ForeignKeyField(Consent, null=True)
    name = TextField()
    kind = CharField()
    digest = BlobField(unique=True)
    scope = TextField()
    begun_s = BigIntegerField()
    expires_s = BigIntegerField()
    used_s = BigIntegerField(null=True)
