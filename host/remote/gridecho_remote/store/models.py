"""The remote's tables. Models carry no database: every query is executed on the one of an open `Archive`.

Times are UTC: `_s` Unix seconds, `_ms` milliseconds. Ids of sensors and relays, epochs and seqs are unsigned 32-bit numbers.
"""

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

# 1: without Order, OrderContent and State; 2: without Holding, RelayState, PullRequest and EnrolCode;
# 3: without Group, Member, Term, Bar and User.admin
# 4: without Datum.level, undated, dated_s and step_s, Sensor.levels and User.key; 5: without SensorKey; 6: without Audit and Tries
# 7: with Datum in place of Block; without Stale, Loose, DayRollup and HourRollup
SCHEMA_VERSION = 8


class Meta(Model):
    """Facts about the database itself: schema_version, key_check, keys_version, orders_version."""

    key = CharField(primary_key=True)
    value = TextField()


class User(Model):
    """A person. `must_change` is set while the password is a one-time password or was logged in with one.

    `admin`: sees the relays' pages and may change groups; it gives no reading to see.
    """

    id = AutoField()
    name = CharField(unique=True)
    key = CharField(unique=True)  # by which it is found: `key_of` the name
    password_hash = TextField(null=True)  # null: a one-time password that was used; only a new one lets in again
    must_change = BooleanField()
    one_time_until_s = BigIntegerField(null=True)
    session = TextField()  # part of the session cookie: a new value ends every session
    added_s = BigIntegerField()
    admin = BooleanField(default=False)


class Grant(Model):
    """What a user may see: sensors that match every selector that is set, and of them the quantities of the mask."""

    id = AutoField()
    user = ForeignKeyField(User)
    region = TextField(null=True)
    category = TextField(null=True)
    sensor_id = BigIntegerField(null=True)
    quantities = BigIntegerField()
    granted_s = BigIntegerField()
    expires_s = BigIntegerField(null=True)
    revoked_s = BigIntegerField(null=True)


class Sensor(Model):
    """An enrolled sensor. `seen_mask` and `levels` sum up its data: all quantities seen, all length classes (levels.py)."""

    id = BigIntegerField(primary_key=True)
    name = TextField()
    region = TextField(index=True)
    category = TextField(index=True)
    key_id = SmallIntegerField()
    wrapped_root = BlobField()
    enrolled_s = BigIntegerField()
    seen_mask = BigIntegerField(default=0)
    levels = BigIntegerField(default=0)


class SensorKey(Model):
    """A root key of a sensor beside the one that it has: number 0 is the one to come, from 1 on those it had, the newest last."""

    sensor_id = BigIntegerField()
    key_id = SmallIntegerField()
    number = IntegerField()
    wrapped = BlobField()

    class Meta:
        table_name = "sensor_key"
        primary_key = CompositeKey("sensor_id", "key_id", "number")


class Relay(Model):
    """An enrolled relay."""

    id = BigIntegerField(primary_key=True)
    name = TextField()
    wrapped_secret = BlobField()
    enrolled_s = BigIntegerField()


class RelayState(Model):
    """What a relay last said of itself, and how much of its index is known: its listing, and up to which of its rows."""

    relay_id = BigIntegerField(primary_key=True)
    listing = BigIntegerField(default=0)
    known_to = BigIntegerField(default=0)
    heartbeat_ms = BigIntegerField(default=0)  # 0: none yet
    pull_url = TextField(default="")  # empty: it cannot be reached from here
    report = TextField(default="{}")  # its heartbeat as JSON

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
    """A pull that waits for the relay's heartbeat, with `body` as the relay takes it. `state` is waiting, done or expired."""

    id = BigIntegerField(primary_key=True)
    relay_id = BigIntegerField()
    digest = BlobField()  # of the wants, so that the same is not asked for twice at once
    body = BlobField()
    state = CharField()
    frames = IntegerField(default=0)
    created_ms = BigIntegerField()

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


class Group(Model):
    """Relays of which one at a time, the proxy, brings the data of all. `after_s` and `after_forwards`, if set, end a term."""

    id = IntegerField(primary_key=True)
    name = CharField(unique=True)
    after_s = IntegerField(null=True)
    after_forwards = IntegerField(null=True)
    period_s = IntegerField()
    made_ms = BigIntegerField()

    class Meta:
        table_name = "relay_group"


class Member(Model):
    """A relay in a group, and what it last said of itself there: where members reach it, what it knows of which term.

    `periods`: so many of the term's sampling periods are reported whole. `lost`: why it holds the term's proxy for lost; empty: it
    does not. Its heartbeat is late `late_ms` after the last one.
    """

    relay_id = BigIntegerField(primary_key=True)
    group_id = IntegerField(index=True)
    joined_ms = BigIntegerField()
    beaten_ms = BigIntegerField(default=0)
    late_ms = BigIntegerField(default=0)
    url = TextField(default="")
    term = BigIntegerField(default=0)
    periods = IntegerField(default=0)
    lost = TextField(default="")

    class Meta:
        table_name = "group_member"


class Term(Model):
    """One turn of a relay as proxy: the `number`th of its group, in which round, and `why` it was chosen.

    At the end: when and for what `reason`, and `ballot`: as JSON, what the choice of the next one was made from. It counted the
    first `periods` sampling periods of the term.
    """

    group_id = IntegerField()
    number = BigIntegerField()
    round = BigIntegerField()
    proxy = BigIntegerField()
    why = TextField()
    period_s = IntegerField()
    began_ms = BigIntegerField()
    forwards = IntegerField(default=0)
    forwarded_ms = BigIntegerField(default=0)
    ended_ms = BigIntegerField(null=True)
    reason = TextField(default="")
    periods = IntegerField(default=0)
    ballot = TextField(default="[]")

    class Meta:
        table_name = "group_term"
        primary_key = CompositeKey("group_id", "number")
        indexes = ((("group_id", "ended_ms"), False),)


class Bar(Model):
    """The readings that a relay collected in a sampling period of a term, as one process (`run`) of it counted them."""

    group_id = IntegerField()
    term = BigIntegerField()
    relay_id = BigIntegerField()
    period = IntegerField()
    run = BigIntegerField()
    readings = BigIntegerField()

    class Meta:
        table_name = "group_bar"
        primary_key = CompositeKey("group_id", "term", "relay_id", "period", "run")
        without_rowid = True


class Block(Model):
    """A run of data of one sensor and epoch, without a hole from `first_seq` to `last_seq`, and each once (data.py, blocks.py).

    `first_s` and `last_s` are the earliest and latest of its dated readings (0: there are none), `level` its length class; `mask`
    has all its quantities. So many of its readings are `undated`; `dated`: an administrator dated some. `cut`: quantities of it
    were deleted for their age. `stored_ms`: when the last of it came.
    """

    sensor_id = BigIntegerField()
    epoch = BigIntegerField()
    first_seq = BigIntegerField()
    last_seq = BigIntegerField()
    level = SmallIntegerField()
    first_s = BigIntegerField()
    last_s = BigIntegerField()
    mask = BigIntegerField()
    readings = IntegerField()
    undated = IntegerField()
    dated = SmallIntegerField()
    cut = SmallIntegerField()
    stored_ms = BigIntegerField()
    content = BlobField()

    class Meta:
        primary_key = CompositeKey("sensor_id", "epoch", "first_seq")
        # By time; with the ends, so that what is missing is told without a look into the blocks.
        indexes = ((("sensor_id", "level", "first_s", "epoch", "first_seq", "last_seq", "last_s"), False),)


Block.add_index(
    Block.sensor_id, Block.epoch, Block.first_seq, where=(Block.undated > 0) | (Block.dated > 0), name="block_undated"
)


class Stale(Model):
    """A day of a sensor whose rollups do not hold any more."""

    sensor_id = BigIntegerField()
    day = IntegerField()

    class Meta:
        primary_key = CompositeKey("sensor_id", "day")
        without_rowid = True


class Loose(Model):
    """A day of a sensor whose blocks have not been made compact since something came."""

    sensor_id = BigIntegerField()
    day = IntegerField()

    class Meta:
        primary_key = CompositeKey("sensor_id", "day")
        without_rowid = True


class DayRollup(Model):
    """What is known of each quantity in `mask` over a day of the site's (rollups.py); `day` as days.py numbers them.

    Of the quantities in `cut` there were readings that are deleted.
    """

    sensor_id = BigIntegerField()
    day = IntegerField()
    mask = BigIntegerField()
    cut = BigIntegerField()
    stats = BlobField()

    class Meta:
        table_name = "day_rollup"
        primary_key = CompositeKey("sensor_id", "day")
        without_rowid = True


class HourRollup(Model):
    """The same over each hour of a day."""

    sensor_id = BigIntegerField()
    day = IntegerField()
    stats = BlobField()

    class Meta:
        table_name = "hour_rollup"
        primary_key = CompositeKey("sensor_id", "day")


class Route(Model):
    """A route that a sensor reported: its target relay and the RTT to it. Kept as history."""

    sensor_id = BigIntegerField()
    epoch = BigIntegerField()
    seq = BigIntegerField()
    item = IntegerField()
    time_s = BigIntegerField()
    relay_id = BigIntegerField()
    rtt_us = BigIntegerField()

    class Meta:
        primary_key = CompositeKey("sensor_id", "epoch", "seq", "item")
        without_rowid = True


class Quarantine(Model):
    """A frame that is not among the readings: it did not open, its sensor is unknown, or its data id is taken by other content."""

    id = AutoField()
    digest = BlobField(unique=True)
    reason = CharField()
    relay_id = BigIntegerField()
    sensor_id = BigIntegerField()
    epoch = BigIntegerField()
    seq = BigIntegerField()
    frame = BlobField()
    stored_ms = BigIntegerField()


WAITING, TAKEN, FAILED, REPLACED = "waiting", "taken", "failed", "replaced"  # what became of an order


class OrderContent(Model):
    """Settings or a firmware set, wrapped; one firmware set serves many orders."""

    id = AutoField()
    wrapped = BlobField()

    class Meta:
        table_name = "order_content"


class Order(Model):
    """What a sensor is to take over. `version` grows per sensor; `state` is one of the above; replaced: by a newer one."""

    sensor_id = BigIntegerField()
    version = BigIntegerField()
    kind = SmallIntegerField()
    state = CharField(index=True)
    size = IntegerField()
    content = IntegerField()
    created_s = BigIntegerField()

    class Meta:
        table_name = "orders"
        primary_key = CompositeKey("sensor_id", "version")


class State(Model):
    """What a sensor last told of itself: the newest value of each code from 40 on, and in which datum it came."""

    sensor_id = BigIntegerField()
    code = SmallIntegerField()
    value = BigIntegerField()
    epoch = BigIntegerField()
    seq = BigIntegerField()
    item = IntegerField()
    time_s = BigIntegerField()

    class Meta:
        primary_key = CompositeKey("sensor_id", "code")
        without_rowid = True


class Audit(Model):
    """A change: who made it (actor.Kind and id), which use case, what it was done to, and as JSON what there is to say."""

    id = AutoField()
    at_ms = BigIntegerField()
    actor_kind = CharField()
    actor_id = BigIntegerField()
    what = CharField()
    subject = CharField(index=True)
    fields = TextField()


class Tries(Model):
    """Wrong guesses of somebody (`digest` says of whom): so many, to be forgotten at `until_ms`."""

    digest = BlobField(primary_key=True)
    count = IntegerField()
    until_ms = BigIntegerField(index=True)


TABLES: tuple[type[Model], ...] = (
    Meta,
    User,
    Grant,
    Sensor,
    SensorKey,
    Relay,
    RelayState,
    Holding,
    PullRequest,
    EnrolCode,
    Group,
    Member,
    Term,
    Bar,
    Block,
    Stale,
    Loose,
    DayRollup,
    HourRollup,
    Route,
    Quarantine,
    OrderContent,
    Order,
    State,
    Audit,
    Tries,
)
