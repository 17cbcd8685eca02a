"""Takes a run out of the store, for good: its record and every row that belongs to it.

One transaction: a run is there whole or gone. Must never be called by anything that runs a run.
"""

from sqlalchemy import delete

from alphaforge.store import database, schema
from alphaforge.store.resume import load_run


def remove_run(url: str, run_id: str) -> None:
    """Delete a run and all its rows.

    Raises `NotFoundError` for a run that is not there, `StoreError` if the database refuses.
    """
    parsed = database.parse_url(url)
    database.require(url)
    engine = database.open_writer(parsed, "process")
    try:
        with database.explained(parsed), engine.begin() as connection:
            load_run(connection, run_id)
            # The rows of a run go with its record: every table's key says ON DELETE CASCADE.
            connection.execute(delete(schema.runs).where(schema.runs.c.run_id == run_id))
    finally:
        engine.dispose()
