"""Groups of relays, their members and terms, and what elections are made from."""

from peewee import (
    BigIntegerField,
    CharField,
    CompositeKey,
    IntegerField,
    Model,
    TextField,
)


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
