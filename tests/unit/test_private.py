"""What tests of redaction look for is found, and what only looks like it is not."""

import pytest

from tests.private import tells


@pytest.mark.parametrize("seen", ["2 单元 402", "402 室", "银杏402室", '"room":"402"', "敲 402。", "402"])
def test_a_room_is_found(seen: str) -> None:
    assert tells("402", seen)


@pytest.mark.parametrize(
    "seen", ['"number":402,', "#402 烟感", "6b76e402cf", "19:51:34.402", "desk-402ab.js", "4020"]
)
def test_the_same_digits_in_something_else_are_no_room(seen: str) -> None:
    assert not tells("402", seen)


def test_a_word_is_found_anywhere() -> None:
    assert tells("周阿婆", "请周阿婆接电话")
    assert not tells("周阿婆", "请接电话")
