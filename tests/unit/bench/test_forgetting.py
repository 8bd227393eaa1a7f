"""The streams of docs/promotion.md: what is forgotten is seen on the first night, and a day as any other is not."""

from forgetting import SHIFTS, nights


def test_a_topic_that_is_gone_is_seen_on_the_first_night() -> None:
    found = nights(SHIFTS["one topic is gone"], replays=False, seeds=3, number=1)

    assert found.refused == [True] * 3
    assert min(found.loss) > 0.1


def test_a_day_as_any_other_is_not_refused_with_its_older_rows_replayed() -> None:
    assert nights(None, replays=True, seeds=1, number=3).refused == [False] * 3
