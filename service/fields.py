"""Fields for JSON lists and objects that check their limits before their contents.

DRF validates every child before it checks the length, and reports an error for each one.
"""

from collections.abc import Mapping
from typing import Any

from rest_framework import serializers
from rest_framework.fields import empty, iter_options

MAX_ERRORS = 10  # reported per field


class BoundedListField(serializers.ListField):
    """A list of at most ``max_length`` children. It refuses a longer one before it validates any child."""

    def __init__(self, *, max_length: int, **kwargs: Any) -> None:
        super().__init__(max_length=max_length, **kwargs)
        self._max_length = max_length

    def get_value(self, dictionary: Any) -> Any:
        try:
            return super().get_value(dictionary)
        except ValueError:  # the form has a field such as name[0…0] with thousands of digits
            raise serializers.ValidationError({str(self.field_name): ["Not a valid index."]}) from None

    def run_child_validation(self, data: list[Any]) -> list[Any]:
        if len(data) > self._max_length:
            self.fail("max_length", max_length=self._max_length)
        return list(_validated(self.child, dict(enumerate(data))).values())


class CommaSeparatedField(serializers.CharField):
    """Up to ``max_items`` values in a text, separated by commas and validated by ``child``. Empty ones are dropped."""

    default_error_messages = {"max_items": "Ensure this field has no more than {max_items} values."}

    def __init__(self, *, child: serializers.CharField, max_items: int, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self._child, self._max_items = child, max_items

    def to_internal_value(self, data: Any) -> tuple[str, ...]:  # type: ignore[override]
        values = [value for each in super().to_internal_value(data).split(",") if (value := each.strip())]
        if len(values) > self._max_items:
            self.fail("max_items", max_items=self._max_items)
        return tuple(self._child.run_validation(value) for value in values)


class FlagField(serializers.BooleanField):
    """A boolean that a form may leave out: DRF takes a form without it for false. Shown as a choice of two."""

    default_empty_html = empty
    initial = True

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(style={"base_template": "select.html"}, **kwargs)

    def iter_options(self) -> Any:
        # DRF gives a form nothing for false, and a browser then selects the first.
        return iter_options({"False": "no", "True": "yes"})


class BoundedDictField(serializers.DictField):
    """An object of at most ``max_length`` names of at most ``max_name`` characters."""

    default_error_messages = {"max_length": "Ensure this field has no more than {max_length} names."}

    def __init__(self, *, max_length: int, max_name: int, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self._max_length = max_length
        self._name = serializers.CharField(max_length=max_name)

    def run_child_validation(self, data: Mapping[str, Any]) -> dict[str, Any]:
        if len(data) > self._max_length:
            self.fail("max_length", max_length=self._max_length)
        for name in data:
            self._name.run_validation(name)
        return _validated(self.child, data)


def _validated(child: Any, values: Mapping[Any, Any]) -> dict[Any, Any]:
    """Validate each value with ``child``. Raises ValidationError with the first MAX_ERRORS errors, by key."""
    valid, errors = {}, {}
    for key, value in values.items():
        try:
            valid[key] = child.run_validation(value)
        except serializers.ValidationError as error:
            errors[key] = error.detail
            if len(errors) == MAX_ERRORS:
                break
    if errors:
        raise serializers.ValidationError(errors)
    return valid
