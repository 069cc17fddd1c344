"""Circuit breakers, deadlines and fallbacks. Knows databases and HTTP, and nothing of what is kept or sold there."""
