"""The two authentication schemes in the API's schema."""

from drf_spectacular.authentication import SessionScheme, TokenScheme


class GuardedSessionScheme(SessionScheme):  # type: ignore[no-untyped-call]
    target_class = "accounts.authentication.GuardedSessionAuthentication"


class GuardedTokenScheme(TokenScheme):  # type: ignore[no-untyped-call]
    target_class = "accounts.authentication.GuardedTokenAuthentication"
