"""Who looks at what as it comes."""

from peewee import BigIntegerField, CompositeKey, Model


class Interest(Model):
    """A user looks at a sensor until then, if they do not say so again."""

    sensor_id = BigIntegerField()
    user_id = BigIntegerField()
    until_ms = BigIntegerField()

    class Meta:
        table_name = "interest"
        primary_key = CompositeKey("sensor_id", "user_id")
        without_rowid = True
