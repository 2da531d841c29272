"""What is kept apart of what came, and what is only counted."""

from peewee import AutoField, BigIntegerField, BlobField, CharField, CompositeKey, IntegerField, Model


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


Quarantine.add_index(Quarantine.relay_id, Quarantine.sensor_id, Quarantine.reason, name="quarantine_sender")
Quarantine.add_index(Quarantine.sensor_id, Quarantine.epoch, Quarantine.seq, name="quarantine_datum")


class SetAside(Model):
    """What of a sender could not be used (quarantine.py): so many frames are `kept`, so many `more` of anything are not.

    `digest` is the SHA-256 of the last that is not kept.
    """

    relay_id = BigIntegerField()
    sensor_id = BigIntegerField()
    reason = CharField()
    kept = IntegerField()
    more = BigIntegerField()
    digest = BlobField()
    last_ms = BigIntegerField()

    class Meta:
        table_name = "set_aside"
        primary_key = CompositeKey("relay_id", "sensor_id", "reason")
        without_rowid = True
