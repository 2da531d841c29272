"""Files of readings that people took into sensors."""

from peewee import AutoField, BigIntegerField, BlobField, ForeignKeyField, IntegerField, Model, TextField

from .people import User


class Import(Model):
    """A file that was taken into a sensor. Its readings are of epoch 0, which no sensor has, with seqs of their own.

    `digest`: SHA-256 of the file. `user`: who took it in; null: somebody at the terminal. `first_s`, `last_s`: of what was taken.
    `taken_back_ms`: since when its readings are gone; null: they are there. Of those that are, the seqs do not touch each other.
    """

    id = AutoField()
    sensor_id = BigIntegerField(index=True)
    first_seq = BigIntegerField()
    last_seq = BigIntegerField()
    first_s = BigIntegerField()
    last_s = BigIntegerField()
    mask = BigIntegerField()
    readings = IntegerField()
    digest = BlobField()
    name = TextField()
    user = ForeignKeyField(User, null=True)
    imported_ms = BigIntegerField()
    taken_back_ms = BigIntegerField(null=True)
