"""Sums over sensors that were given to somebody."""

from peewee import BigIntegerField, BlobField, CompositeKey, IntegerField, Model, SmallIntegerField, TextField


class GivenSum(Model):
    """What registers of a region's sensors, of a category or of all (""), rose by in a day, in Wh, as a user was told it."""

    user_id = BigIntegerField()
    code = SmallIntegerField()
    day = IntegerField()
    region = TextField()
    category = TextField()
    sensors = IntegerField()
    wh = BigIntegerField()

    class Meta:
        table_name = "given_sum"
        primary_key = CompositeKey("user_id", "code", "day", "region", "category")
        indexes = ((("region", "day"), False),)
        without_rowid = True


class GivenClasses(Model):
    """In which sums of a day sensors are (rules/smallest_group.py): their ids and classes, as store/sums.py packs them."""

    user_id = BigIntegerField()
    code = SmallIntegerField()
    day = IntegerField()
    classes = BlobField()

    class Meta:
        table_name = "given_classes"
        primary_key = CompositeKey("user_id", "code", "day")
