"""Circuit breakers, deadlines and fallbacks for any Django project. README.md has an example."""
