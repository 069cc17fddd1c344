"""The schema of a service as the judge of its answers."""

from typing import Any

import jsonschema_rs


class Schema:
    """The OpenAPI document of a service."""

    def __init__(self, document: dict[str, Any]) -> None:
        self.paths: dict[str, Any] = document["paths"]
        self._components = document["components"]

    def calls(self, method: str) -> set[str]:
        """The paths that take ``method``."""
        return {path for path, calls in self.paths.items() if method.lower() in calls}

    def check(self, body: Any, path: str, method: str = "GET", status: int = 200) -> None:
        """Fail unless the schema allows the JSON ``body`` of an answer, formats included."""
        content = self.paths[path][method.lower()]["responses"][str(status)]["content"]
        schema = {**content["application/json"]["schema"], "components": self._components}
        errors = [str(error) for error in jsonschema_rs.validator_for(schema, validate_formats=True).iter_errors(body)]
        assert not errors, (path, errors)
