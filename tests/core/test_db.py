"""The engine: what its errors must not say."""

import pytest
from sqlalchemy import Engine, text
from sqlalchemy.exc import DBAPIError

from models.core.db import transaction


@pytest.mark.both
def test_a_failed_statement_does_not_tell_its_parameters(db: Engine) -> None:
    statement = text("INSERT INTO nowhere (name) VALUES (:name)")
    with pytest.raises(DBAPIError) as failed, transaction() as session:
        session.execute(statement, {"name": "Kim O'Neill"})
    assert "nowhere" in str(failed.value)
    assert "Kim" not in str(failed.value)
