from django import template

register = template.Library()


@register.filter
def words(name: str) -> str:
    """Return a breaker's name for people: ``Ad provider`` for ``ad-provider``."""
    return name.replace("-", " ").capitalize()
