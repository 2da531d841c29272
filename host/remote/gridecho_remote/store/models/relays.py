"""Relays, what they hold, and what is wanted of them."""

from peewee import (
    BigIntegerField,
    BlobField,
    CharField,
    CompositeKey,
    IntegerField,
    Model,
    SmallIntegerField,
    TextField,
)


class Relay(Model):
    """An enrolled relay."""

    id = BigIntegerField(primary_key=True)
    name = TextField()
    wrapped_secret = BlobField()
    enrolled_s = BigIntegerField()


class RelayState(Model):
    """What a relay last said of itself, and how much of its index is known: its listing, and up to which of its rows.

    The index has so many `runs` and `data` of it. At least `sure` of these it had told before its last heartbeat; `doubted`: with
    that one it said that it holds fewer than it had told before the last but one.
    """

    relay_id = BigIntegerField(primary_key=True)
    listing = BigIntegerField(default=0)
    known_to = BigIntegerField(default=0)
    heartbeat_ms = BigIntegerField(default=0)  # 0: none yet
    pull_url = TextField(default="")  # empty: it cannot be reached from here
    report = TextField(default="{}")  # its heartbeat as JSON
    runs = BigIntegerField(default=0)
    data = BigIntegerField(default=0)
    sure = BigIntegerField(default=0)
    doubted = SmallIntegerField(default=0)

    class Meta:
        table_name = "relay_state"


class Holding(Model):
    """The holdings index: data ids that a relay holds and the remote has not, one after the other, `step_s` apart in time."""

    sensor_id = BigIntegerField()
    relay_id = BigIntegerField(index=True)
    epoch = BigIntegerField()
    first_seq = BigIntegerField()
    last_seq = BigIntegerField()
    first_s = BigIntegerField()
    step_s = BigIntegerField()

    class Meta:
        primary_key = CompositeKey("sensor_id", "relay_id", "epoch", "first_seq")
        without_rowid = True


class PullRequest(Model):
    """A pull from a relay, with `body` as the relay takes it. `state`: store/pulls.py."""

    id = BigIntegerField(primary_key=True)
    relay_id = BigIntegerField()
    digest = BlobField()  # of the wants, so that the same is not asked for twice at once
    body = BlobField()
    state = CharField()
    frames = IntegerField(default=0)
    created_ms = BigIntegerField()
    party = CharField(default="")  # for whom it is asked

    class Meta:
        table_name = "pull"
        indexes = ((("relay_id", "state"), False),)


class EnrolCode(Model):
    """A one-time code by which a relay enrols itself: `digest` is its SHA-256. `nonce` and the rest are set by its use,
    but `relay_id` at once if the relay is to take the place of that one.
    """

    digest = BlobField(primary_key=True)
    name = TextField()
    expires_s = BigIntegerField()
    used_s = BigIntegerField(null=True)
    nonce = TextField(null=True)
    relay_id = BigIntegerField(null=True)

    class Meta:
        table_name = "enrol_code"


class Bringer(Model):
    """A relay that brought data of a sensor."""

    sensor_id = BigIntegerField()
    relay_id = BigIntegerField()

    class Meta:
        primary_key = CompositeKey("sensor_id", "relay_id")
        without_rowid = True
