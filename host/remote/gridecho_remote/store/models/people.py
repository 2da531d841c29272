"""People, what they may see, and who did what."""

from peewee import (
    AutoField,
    BigIntegerField,
    BlobField,
    BooleanField,
    CharField,
    CompositeKey,
    ForeignKeyField,
    IntegerField,
    Model,
    SmallIntegerField,
    TextField,
)


class Organisation(Model):
    """Whom people ask for."""

    id = AutoField()
    name = CharField(unique=True)
    key = CharField(unique=True)  # by which it is found: `key_of` the name
    added_s = BigIntegerField()


class User(Model):
    """A person. `must_change` is set while the password is a one-time password or was logged in with one."""

    id = AutoField()
    name = CharField(unique=True)
    key = CharField(unique=True)  # by which it is found: `key_of` the name
    password_hash = TextField(null=True)  # null: a one-time password that was used; only a new one lets in again
    must_change = BooleanField()
    one_time_until_s = BigIntegerField(null=True)
    added_s = BigIntegerField()
    organisation = ForeignKeyField(Organisation, null=True)
    email = CharField(null=True)


class Session(Model):
    """A login. `digest`: the SHA-256 of the token in its cookie; `seen_s`: when its person last did something, to a minute."""

    id = AutoField()
    user = ForeignKeyField(User)
    digest = BlobField(unique=True)
    begun_s = BigIntegerField()
    seen_s = BigIntegerField()
    address = CharField()
    agent = CharField()


class Totp(Model):
    """A user's second factor: its wrapped secret, the last time step of which a code was used, since when (null: not yet)."""

    user = ForeignKeyField(User, primary_key=True, index=False)
    wrapped = BlobField()
    step = BigIntegerField()
    since_s = BigIntegerField(null=True)


class Recovery(Model):
    """A code for when a user's second factor is lost: its digest. It goes with its use."""

    user = ForeignKeyField(User, index=False)
    digest = BlobField()

    class Meta:
        primary_key = CompositeKey("user", "digest")


class Identity(Model):
    """A user as an OpenID Connect provider knows them; `claims`: what it said of them at their last login there, as JSON."""

    issuer = TextField()
    subject = TextField()
    user = ForeignKeyField(User)
    claims = TextField(default="{}")
    claims_s = BigIntegerField(null=True)

    class Meta:
        primary_key = CompositeKey("issuer", "subject")


class HeldRole(Model):
    """What a user may do beyond looking (rules/roles.py). `region` is an administrator's; none: everywhere."""

    user = ForeignKeyField(User, index=False)
    kind = CharField()
    region = TextField()

    class Meta:
        table_name = "role"
        primary_key = CompositeKey("user", "kind", "region")


class Grant(Model):
    """A scope (rules/scopes.py) that a user was given. `labels` and `sensors` are JSON lists; null: none are named."""

    id = AutoField()
    user = ForeignKeyField(User)
    region = TextField(null=True)
    category = TextField(null=True)
    labels = TextField(null=True)
    sensors = TextField(null=True)
    quantities = BigIntegerField()
    resolution = SmallIntegerField()
    k = IntegerField()
    first_s = BigIntegerField(null=True)
    until_s = BigIntegerField(null=True)
    export = SmallIntegerField()
    live = SmallIntegerField()
    granted_s = BigIntegerField()
    starts_s = BigIntegerField(null=True)
    expires_s = BigIntegerField(null=True)
    revoked_s = BigIntegerField(null=True)


class Audit(Model):
    """A change: who made it (actor.Kind and id), which use case, what it was done to, and as JSON what there is to say.

    Numbered from 1 without a gap; `digest` chains it to the one before (rules/chain.py).
    """

    id = BigIntegerField(primary_key=True)
    at_ms = BigIntegerField()
    actor_kind = CharField()
    actor_id = BigIntegerField()
    what = CharField()
    subject = CharField()
    fields = TextField()
    digest = BlobField()

    class Meta:
        indexes = ((("subject", "id"), False),)


class Look(Model):
    """A row of the audit tells of a look at readings of a contract's span, if its subject has a login."""

    contract_id = IntegerField()
    row_id = BigIntegerField()

    class Meta:
        primary_key = CompositeKey("contract_id", "row_id")
        without_rowid = True


class Tries(Model):
    """Wrong guesses of somebody (`digest` says of whom): so many, to be forgotten at `until_ms`."""

    digest = BlobField(primary_key=True)
    count = IntegerField()
    until_ms = BigIntegerField(index=True)
