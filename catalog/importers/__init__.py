"""Files of products and reviews into the database: read, validate, upsert, count. No breaker and no fallback here."""
