"""The form of a product in the admin, with the API's rules."""

from typing import Any

from django.contrib.admin.widgets import AdminTextareaWidget
from django.forms import JSONField, ModelForm, ValidationError
from django.forms.fields import InvalidJSONInput
from rest_framework import serializers

from catalog.models import Product
from catalog.serializers import ProductSerializer
from catalog.wire import SALES_RANK


class LinesWidget(AdminTextareaWidget):
    """A textarea that keeps stored line ends: browsers send CRLF, and drop line ends in an input of one line."""

    def value_from_datadict(self, data: Any, files: Any, name: str) -> Any:
        value = super().value_from_datadict(data, files, name)
        return value.replace("\r\n", "\n") if isinstance(value, str) else value


class ShownJSONField(JSONField):
    """Refuses what Python's parser does not: nesting that is too deep, and numbers of thousands of digits.

    Half a character, which no answer can have, is shown as it was written: as an escape.
    """

    def to_python(self, value: Any) -> Any:
        try:
            return super().to_python(value)
        except (RecursionError, ValueError):
            raise ValidationError(self.error_messages["invalid"], code="invalid", params={"value": value}) from None

    def bound_data(self, data: Any, initial: Any) -> Any:
        try:
            return super().bound_data(data, initial)
        except (RecursionError, ValueError):
            return InvalidJSONInput(data)

    def prepare_value(self, value: Any) -> Any:
        shown = super().prepare_value(value)
        return shown.encode(errors="backslashreplace").decode() if isinstance(shown, str) else shown


class ProductForm(ModelForm):  # type: ignore[type-arg]
    """Validates JSON fields by the API's rules, so that the admin cannot store what the API would refuse."""

    class Meta:
        model = Product
        exclude = ()  # noqa: DJ006  the admin says which fields are editable
        field_classes = dict.fromkeys(("related", "sales_rank", "categories"), ShownJSONField)
        widgets = {
            "title": LinesWidget({"rows": 2}),
            "description": LinesWidget,
            "brand": LinesWidget({"rows": 2}),
        }

    def clean(self) -> dict[str, Any] | None:
        cleaned = super().clean() or self.cleaned_data
        rules = ProductSerializer()
        for name, wire_name in (("related", "related"), ("sales_rank", SALES_RANK), ("categories", "categories")):
            if name in cleaned:
                try:
                    cleaned[name] = rules.fields[wire_name].run_validation(
                        cleaned[name] or rules.fields[wire_name].initial
                    )
                except serializers.ValidationError as error:
                    self.add_error(name, ValidationError([str(each) for each in _flat(error.detail)]))
        return cleaned


def _flat(detail: Any) -> list[Any]:
    if isinstance(detail, dict):
        return [each for value in detail.values() for each in _flat(value)]
    return [each for value in detail for each in _flat(value)] if isinstance(detail, list) else [detail]
