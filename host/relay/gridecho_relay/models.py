"""The relay's tables. Unbound: each `Ledger` has a database of its own and hands it to every query."""

from peewee import AutoField, BigIntegerField, BlobField, CharField, CompositeKey, IntegerField, Model, TextField

SCHEMA_VERSION = 1


class Held(Model):
    """STORE frames without link tag, in order of their ids; sensor, epoch, seq and operation tag are in the frame's own bytes."""

    id = AutoField()
    frame = BlobField()

    class Meta:
        table_name = "held"


class Outbox(Model):
    """SEND frames that wait for the remote's receipt."""

    id = AutoField()
    frame = BlobField()

    class Meta:
        table_name = "outbox"


class Seen(Model):
    """Data ids of deleted frames: `key` is sensor id and epoch (8 bytes), `runs` first and last seq of each run as u32 pairs."""

    key = BlobField(primary_key=True)
    runs = BlobField()

    class Meta:
        table_name = "seen"


class SensorKey(Model):
    """The link keys the remote gave, so that a relay that starts while the remote is away still knows its sensors."""

    sensor_id = IntegerField()
    key_id = IntegerField()
    up = BlobField()
    down = BlobField()

    class Meta:
        table_name = "sensor_key"
        primary_key = CompositeKey("sensor_id", "key_id")


class Asked(Model):
    """Ids of pull requests, each until its own time refuses it (`until_ms`, UTC): a recorded one is not served again."""

    id = BigIntegerField(primary_key=True)
    until_ms = BigIntegerField()

    class Meta:
        table_name = "asked"


class Note(Model):
    """Single facts: `schema`, `flush_to`, `keys_version`, `listing`, `utc_ms`."""

    name = CharField(primary_key=True)
    value = TextField()

    class Meta:
        table_name = "note"


TABLES = (Held, Outbox, Seen, SensorKey, Asked, Note)
