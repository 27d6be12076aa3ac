"""What Alembic runs for each step: on the connection and in the transaction that it was given."""

from alembic import context

from hpcampus_grading.tables import VERSION_TABLE, Base

context.configure(
    connection=context.config.attributes["connection"],
    target_metadata=Base.metadata,
    version_table=VERSION_TABLE,
)
context.run_migrations()
