"""The tables of the ledger, and how a database of an older version gets what it lacks."""

from datetime import UTC, datetime

import sqlalchemy as sa

from hpcampus_spawner.models import BadFile


class Moment(sa.TypeDecorator[datetime]):
    """A moment in UTC; SQLite forgets the zone."""

    impl = sa.DateTime(timezone=True)
    cache_ok = True

    def process_result_value(self, value: datetime | None, dialect: sa.Dialect) -> datetime | None:
        return value.replace(tzinfo=UTC) if value and value.tzinfo is None else value


_METADATA = sa.MetaData()
SPAWNS = sa.Table(
    "campus_spawns",
    _METADATA,
    sa.Column("spawn_id", sa.String(32), primary_key=True),
    sa.Column("learner", sa.String(255), nullable=False),
    sa.Column("server", sa.String(255), nullable=False),
    sa.Column("site", sa.String(31), nullable=False),
    sa.Column("tag", sa.String(128), nullable=False),
    sa.Column("options", sa.JSON, nullable=False),
    sa.Column("gpus", sa.Integer, nullable=False, server_default="0"),
    sa.Column("secret_hash", sa.String(64), nullable=False),
    sa.Column("job_id", sa.String(64)),
    sa.Column("port", sa.Integer),
    sa.Column("api_token", sa.String(255)),
    sa.Column("started_by", sa.String(255)),
    sa.Column("created", Moment, nullable=False),
    sa.Column("ended", Moment),
    sa.Column("reason", sa.Text),
    sa.Column("settled", sa.Boolean, nullable=False, default=False),
)
# At most one job per server: the database itself refuses a second live row.
sa.Index(
    "campus_spawns_one_live",
    SPAWNS.c.learner,
    SPAWNS.c.server,
    unique=True,
    sqlite_where=SPAWNS.c.ended.is_(None),
    postgresql_where=SPAWNS.c.ended.is_(None),
)
EVENTS = sa.Table(
    "campus_events",
    _METADATA,
    sa.Column("spawn_id", sa.String(32), primary_key=True),
    sa.Column("number", sa.Integer, primary_key=True, autoincrement=False),
    sa.Column("at", Moment, nullable=False),
    sa.Column("text", sa.Text, nullable=False),
    sa.Column("moment", Moment),
)


def bring_up_to_date(engine: sa.Engine) -> None:
    """Make the tables that are missing, and the columns that can be empty or have a value for old rows.

    Raises `BadFile` where a column is missing whose value nobody can know.
    """
    _METADATA.create_all(engine)
    with engine.begin() as connection:
        inspector = sa.inspect(connection)
        for table in _METADATA.sorted_tables:
            there = {column["name"] for column in inspector.get_columns(table.name)}
            for column in table.columns:
                if column.name not in there:
                    _add(connection, column)


def _add(connection: sa.Connection, column: sa.Column[object]) -> None:
    table = column.table.name
    if not column.nullable and column.server_default is None:
        database = connection.engine.url.render_as_string(hide_password=True)
        raise BadFile(
            f"The database {database} is of an older version of HPCampus that did not keep the {column.name} "
            f"of each notebook ({table}). Stop all notebooks with that version, then give this one a new "
            f"folder or database, or drop the table {table}. Courses, submissions and grades are elsewhere."
        )
    definition = sa.schema.CreateColumn(column).compile(dialect=connection.dialect)
    connection.execute(sa.text(f"ALTER TABLE {table} ADD COLUMN {definition}"))
