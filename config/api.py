"""Django REST framework, and the OpenAPI schema made from it."""

REST_FRAMEWORK = {
    "DEFAULT_RENDERER_CLASSES": ["service.json.OrjsonRenderer", "service.json.BrowsableRenderer"],
    "DEFAULT_PARSER_CLASSES": [
        "service.json.BoundedJSONParser",
        "rest_framework.parsers.FormParser",
        "rest_framework.parsers.MultiPartParser",
    ],
    "DEFAULT_CONTENT_NEGOTIATION_CLASS": "service.json.PlainNegotiation",
    "DEFAULT_AUTHENTICATION_CLASSES": [
        "accounts.authentication.GuardedTokenAuthentication",
        "accounts.authentication.GuardedSessionAuthentication",
    ],
    "DEFAULT_PERMISSION_CLASSES": ["rest_framework.permissions.IsAuthenticatedOrReadOnly"],
    "DEFAULT_SCHEMA_CLASS": "drf_spectacular.openapi.AutoSchema",
    "EXCEPTION_HANDLER": "service.errors.exception_handler",
    "UNICODE_JSON": True,
    "ALLOWED_VERSIONS": ["1.0.0"],  # /schema copies any other version into a header, unescaped
}

SPECTACULAR_SETTINGS = {
    "OAS_VERSION": "3.1.0",
    "VERSION": "1.0.0",
    "SERVE_INCLUDE_SCHEMA": False,
    "SWAGGER_UI_DIST": "SIDECAR",
    "REDOC_DIST": "SIDECAR",
    "COMPONENT_SPLIT_REQUEST": True,
    "POSTPROCESSING_HOOKS": [
        "drf_spectacular.hooks.postprocess_schema_enums",
        "service.openapi.require_what_answers_have",
        "service.openapi.describe_request_id",
    ],
    # Forms are for the browsable pages.
    "PARSER_WHITELIST": ["service.json.BoundedJSONParser"],
}
