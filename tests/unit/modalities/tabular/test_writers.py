"""One table as known programs write it is one table."""

from pathlib import Path

import pyarrow as pa
import pytest

from stillhouse.components.formats.batch import Reading
from stillhouse.components.formats.tables import read_batches
from stillhouse.components.modalities.tabular.columns import Columns, fit_columns
from stillhouse.components.modalities.tabular.encode import encode
from stillhouse.components.modalities.tabular.rows import identity, standardise
from stillhouse.components.storage.memory import Budget

BICYCLES = Path(__file__).parents[3] / "data" / "bicycles"
FILES = sorted(path.name for path in BICYCLES.iterdir() if path.suffix != ".py")
NAMES = ["serial", "price", "gears", "weight", "brand", "postcode", "bought", "serviced", "electric"]


def _table(name: str) -> dict[str, pa.ChunkedArray]:
    batches = list(read_batches(BICYCLES / name, Reading(NAMES, Budget(2**28))))
    return {column: pa.chunked_array([batch.column(column) for batch in batches]) for column in NAMES}


@pytest.fixture(scope="module")
def of_pandas() -> Columns:
    """What is found out from a file with types."""
    return fit_columns(_table("pandas.parquet"))


def test_kinds_are_those_that_a_person_would_name(of_pandas: Columns) -> None:
    assert {column.name: column.kind for column in of_pandas.columns} == {
        "price": "number",
        "gears": "number",
        "weight": "number",
        "brand": "category",
        "postcode": "category",
        "bought": "date",
        "serviced": "date",
        "electric": "truth",
    }
    assert of_pandas.left_out == {"serial": "has 60 different values in 60 rows, as ids and free text have"}
    assert of_pandas.notes == []


@pytest.mark.parametrize("name", FILES)
def test_columns_and_rows_are_the_same_bit_for_bit(name: str, of_pandas: Columns) -> None:
    table, wanted = _table(name), encode(of_pandas, _table("pandas.parquet"))
    assert fit_columns(table) == of_pandas
    found = encode(of_pandas, table)
    assert found.numbers.tobytes() == wanted.numbers.tobytes()
    assert found.categories.tolist() == wanted.categories.tolist()


@pytest.mark.parametrize("name", FILES)
def test_rows_are_known_by_the_same_bytes(name: str) -> None:
    def identities(name: str) -> list[bytes]:
        rows = [row for batch in read_batches(BICYCLES / name, Reading(NAMES, Budget(2**28))) for row in batch.rows()]
        standard = [standardise(row) for row in rows]
        return [identity(row) for row in standard if isinstance(row, dict)]

    assert identities(name) == identities("pandas.parquet")
