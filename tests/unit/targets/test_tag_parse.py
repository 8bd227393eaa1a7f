"""Tags from the dataset to a model and back, by value."""

import pyarrow as pa

from stillhouse.components.targets.tag_parse import tag_arrays, tag_column


def test_a_dataset_gives_back_what_was_put_into_it() -> None:
    column = tag_column([(3, 0), None, (1, None), ()])
    assert column.type == pa.list_(pa.int16())
    arrays = tag_arrays(column.to_pylist(), [2, 3, 2, 0])
    assert [array.tolist() for array in arrays] == [[3, 0], [-100, -100, -100], [1, -100], []]
    assert {array.dtype.name for array in arrays} == {"int64"}
