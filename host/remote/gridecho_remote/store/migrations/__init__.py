"""Steps from one schema of the database to the next, each a module NNNN_name.py with `up(engine, connection)`.

NNNN is the schema that it makes. A step is plain SQL and arithmetic of its own: what it was when it was released it stays, whatever
becomes of the models. Steps up to 5 know SQLite only: no other engine has databases of these schemas.
"""
