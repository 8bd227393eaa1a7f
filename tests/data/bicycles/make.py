"""Writes one table by several programs: pandas 3.1.1, polars 2.1.0 and DuckDB 2.0.1 (and pyarrow 25).

60 rows: numbers with and without gaps, a category, codes with a leading zero, a date, a moment with a time zone,
a truth value with gaps and an id.
"""

import datetime as dt
import uuid
from pathlib import Path
from random import Random
from zoneinfo import ZoneInfo

import duckdb  # pyrefly: ignore[missing-import]
import pandas as pd
import polars as pl  # pyrefly: ignore[missing-import]

HERE = Path(__file__).parent
RANDOM = Random(1)
BERLIN = ZoneInfo("Europe/Berlin")


def row(number: int) -> dict[str, object]:
    """One of the table."""
    return {
        "serial": str(uuid.UUID(int=RANDOM.getrandbits(128), version=4)),
        "price": None if number % 9 == 4 else round(RANDOM.uniform(100, 3000), 2),
        "gears": None if number % 11 == 5 else RANDOM.choice([1, 3, 7, 8, 21, 27]),
        "weight": RANDOM.gauss(12.5, 2.5),
        "brand": RANDOM.choice(["Bär", "Kestrel", "Northwind", None]),
        "postcode": RANDOM.choice(["01067", "04109", "10115", "99084"]),
        "bought": dt.date(2023, 1, 1) + dt.timedelta(days=RANDOM.randrange(900)),
        "serviced": dt.datetime(2026, 1, 1, tzinfo=BERLIN) + dt.timedelta(minutes=15 * RANDOM.randrange(9000)),
        "electric": RANDOM.choice([True, False, None]),
    }


def main() -> None:
    """Write the files."""
    rows = [row(number) for number in range(60)]
    schema = {
        "serial": pl.String,
        "price": pl.Float64,
        "gears": pl.Int64,
        "weight": pl.Float64,
        "brand": pl.Categorical,
        "postcode": pl.Categorical,
        "bought": pl.Date,
        "serviced": pl.Datetime("ms", "Europe/Berlin"),
        "electric": pl.Boolean,
    }
    frame = pl.DataFrame({name: [each[name] for each in rows] for name in schema}, schema=schema, strict=False)
    frame.write_parquet(HERE / "polars.parquet")
    frame.write_csv(HERE / "polars.csv")
    frame.write_ndjson(HERE / "polars.ndjson")
    pandas = pd.DataFrame(rows).astype({"gears": "Int64", "electric": "boolean", "brand": "category"})
    pandas.to_parquet(HERE / "pandas.parquet")
    pandas.to_csv(HERE / "pandas.csv", index=False)
    duckdb.sql("SET TimeZone = 'UTC'")
    for name, options in (("parquet", "FORMAT parquet"), ("csv", "FORMAT csv"), ("ndjson", "FORMAT json")):
        duckdb.sql(f"COPY (SELECT * FROM '{HERE / 'pandas.parquet'}') TO '{HERE / f'duckdb.{name}'}' ({options})")


if __name__ == "__main__":
    main()
