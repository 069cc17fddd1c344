"""Lists and objects from clients: their length is checked before their contents."""

from typing import Any

import pytest
from rest_framework import serializers

from service.fields import MAX_ERRORS, BoundedDictField, BoundedListField


class Untouchable(serializers.CharField):
    def run_validation(self, data: Any = None) -> Any:
        pytest.fail("it was looked at")


def errors_of(field: serializers.Field[Any, Any, Any, Any], value: Any) -> Any:
    with pytest.raises(serializers.ValidationError) as raised:
        field.run_validation(value)
    return raised.value.detail


def test_a_long_list_is_refused_before_its_children_are_validated() -> None:
    few = BoundedListField(child=Untouchable(), max_length=2)
    assert errors_of(few, [""] * 3) == ["Ensure this field has no more than 2 elements."]
    named = BoundedDictField(child=Untouchable(), max_length=2, max_name=5)
    assert errors_of(named, {"a": 1, "b": 1, "c": 1}) == ["Ensure this field has no more than 2 names."]


def test_the_maximum_number_is_accepted() -> None:
    number = serializers.IntegerField
    assert BoundedListField(child=number(), max_length=2).run_validation(["1", 2]) == [1, 2]
    assert BoundedDictField(child=number(), max_length=1, max_name=1).run_validation({"a": "1"}) == {"a": 1}


def test_only_the_first_errors_are_reported() -> None:
    wrong = [*range(5), *[""] * (3 * MAX_ERRORS)]
    number = serializers.IntegerField
    assert list(errors_of(BoundedListField(child=number(), max_length=100), wrong)) == [*range(5, 5 + MAX_ERRORS)]
    named = {f"name {number}": "" for number in range(3 * MAX_ERRORS)}
    assert len(errors_of(BoundedDictField(child=number(), max_length=100, max_name=20), named)) == MAX_ERRORS


def test_a_name_that_is_too_long_is_refused() -> None:
    field = BoundedDictField(child=Untouchable(), max_length=2, max_name=5)
    assert errors_of(field, {"a" * 6: 1}) == ["Ensure this field has no more than 5 characters."]
