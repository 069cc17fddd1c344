"""Form fields for money: shown and entered in the currency, stored in micros."""

from contextlib import suppress
from typing import Any

from django import forms
from django.conf import settings
from django.core.exceptions import ValidationError

from campaigns.models import MICROS, Micros
from campaigns.money import amount, decimals

MOST = 10**9  # units of the currency


class AmountField(forms.DecimalField):
    """Cleans to micros. ``stored`` is the saved amount: it may have more decimals than the currency and can be saved
    again unchanged."""

    stored: int | None = None

    def __init__(self, **kwargs: Any) -> None:
        bounds = {"min_value": 0, "max_value": MOST, "decimal_places": decimals()}
        super().__init__(**{**kwargs, **bounds})
        self.label = f"{self.label} ({settings.CURRENCY})"

    def to_python(self, value: Any) -> Any:
        if "_" in str(value):  # Decimal accepts underscores
            raise ValidationError(self.error_messages["invalid"], code="invalid")
        return super().to_python(value)

    def prepare_value(self, value: Any) -> Any:
        return amount(value) if isinstance(value, int) else value

    def clean(self, value: Any) -> Any:
        if self.stored is not None and not self.has_changed(self.stored, value):
            return self.stored
        units = super().clean(value)
        return None if units is None else int(units * MICROS)

    def has_changed(self, initial: Any, data: Any) -> bool:
        with suppress(ValidationError, ArithmeticError):  # a number too large to multiply, or a signalling NaN
            units = self.to_python(data)
            return bool((None if units is None else units * MICROS) != initial)
        return True


class AmountsForm(forms.ModelForm):  # type: ignore[type-arg]
    """Gives its amount fields the stored amounts."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        for name, field in self.fields.items():
            if isinstance(field, AmountField) and self.instance.pk:
                field.stored = getattr(self.instance, name)


# For ``formfield_overrides`` of an admin.
AMOUNTS: dict[Any, dict[str, Any]] = {Micros: {"form_class": AmountField}}
