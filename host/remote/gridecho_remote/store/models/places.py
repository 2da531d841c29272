"""What is said of sensors: labels, and contracts, which tell whose readings are whose."""

from peewee import AutoField, BigIntegerField, CompositeKey, ForeignKeyField, Model, TextField

from .people import User


class Label(Model):
    """A label of a sensor."""

    sensor_id = BigIntegerField()
    label = TextField(index=True)

    class Meta:
        primary_key = CompositeKey("sensor_id", "label")
        without_rowid = True


class Contract(Model):
    """Whose a sensor's readings of a span are; nobody's who has a login, if `user` is null. Those of a sensor do not overlap."""

    id = AutoField()
    sensor_id = BigIntegerField(index=True)
    user = ForeignKeyField(User, null=True)
    from_s = BigIntegerField()
    until_s = BigIntegerField(null=True)  # not included; null: it has not ended
