# The postgres image runs this once, on an empty volume. It creates a user for the services, who owns their database and
# is not a superuser. Without a password the superuser can only sign in from inside the container.
psql --username="$POSTGRES_USER" --set=ON_ERROR_STOP=1 <<'SQL'
\getenv password POSTGRES_PASSWORD
CREATE ROLE shop LOGIN PASSWORD :'password';
CREATE DATABASE shop OWNER shop;
ALTER ROLE CURRENT_USER PASSWORD NULL;
SQL
