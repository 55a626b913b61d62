"""The 22 queries of TPC-H. `make DIR SCALE` writes tables, queries and the rows of an engine of its own (DuckDB);
`run REMOTE DIR` asks a session the same and compares. Order counts for no row: ties may come either way."""

import datetime
import decimal
import json
import math
import os
import sys
from pathlib import Path


def plain(value):
    """A value that JSON can hold. Averages have different types in different engines, so numbers are floats."""
    if isinstance(value, (decimal.Decimal, int, float)):
        return float(value)
    if isinstance(value, (datetime.datetime, datetime.date)):
        return value.isoformat()[:10]
    return value


def rows(found):
    """Rows in an order that does not depend on the engine."""
    made = [[plain(value) for value in row] for row in found]
    return sorted(made, key=lambda row: [round(v, 3) if isinstance(v, float) else str(v) for v in row].__repr__())


def same(one, other):
    """Whether two rows say the same, to the precision that averages of decimals have."""
    return len(one) == len(other) and all(
        math.isclose(a, b, rel_tol=1e-6, abs_tol=1e-6) if isinstance(a, float) and isinstance(b, float) else a == b
        for a, b in zip(one, other)
    )


def make(directory, scale):
    import duckdb

    connection = duckdb.connect()
    connection.execute(f"CALL dbgen(sf={float(scale)})")
    for (table,) in connection.execute("SHOW TABLES").fetchall():
        connection.execute(f"COPY {table} TO '{directory}/{table}.parquet' (FORMAT parquet)")
    for number, query in connection.execute("SELECT query_nr, query FROM tpch_queries()").fetchall():
        (directory / f"q{number:02}.sql").write_text(query.strip().rstrip(";"))
        expected = rows(connection.execute(query).fetchall())
        (directory / f"q{number:02}.json").write_text(json.dumps(expected))


def run(remote, directory):
    from pyspark.sql import SparkSession

    spark = SparkSession.builder.remote(remote).getOrCreate()
    for table in sorted(directory.glob("*.parquet")):
        spark.read.parquet(str(table)).createOrReplaceTempView(table.stem)
    differ = 0
    for query in sorted(directory.glob("q*.sql")):
        expected = json.loads(query.with_suffix(".json").read_text())
        found = rows(spark.sql(query.read_text()).collect())
        if len(found) != len(expected) or not all(map(same, found, expected)):
            differ += 1
            first = next(((a, b) for a, b in zip(found, expected) if not same(a, b)), None)
            print(f"{query.stem}: {len(found)} rows, not {len(expected)}; {first}")
    print(f"{len(list(directory.glob('q*.sql')))} queries, {differ} differ", flush=True)
    spark.stop()
    # Not waiting for what the client still has open.
    os._exit(0)


if sys.argv[1] == "make":
    make(Path(sys.argv[2]), sys.argv[3])
else:
    run(sys.argv[2], Path(sys.argv[3]))
