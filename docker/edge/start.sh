#!/bin/sh
# Write the part of the configuration that depends on settings, and start nginx. All settings have a default:
#
# EDGE_RECOMMENDERS, EDGE_AD_PROVIDERS   instances of the services, host:port separated by commas
# TRUSTED_PROXIES   number of proxies in front of the edge, whose entries in X-Forwarded-For are believed
# EDGE_OPERATORS    addresses and networks that reach the admin, /metrics and overrides, separated by commas; they may
#                   also write as often as they like
# EDGE_CERTIFICATES folder with tls.crt and tls.key; TLS is on if they are there
# AD_PROVIDER_PUBLIC_URL   its host name leads to the ad provider, if TLS is on; all others lead to the recommender
# CORS_ALLOWED_ORIGINS     origins that may read the edge's own answers too, as at the services
# HTTPS             as at the services; if it is on, CORS_ALLOWED_ORIGINS is empty by default
# EDGE_DIR          where the configuration and the cache are written
# EDGE_TEMP_DIR     where long bodies are written: on a file system of its own, so that they cannot fill that of the cache
# EDGE_RECOMMENDER_PORT, EDGE_AD_PROVIDER_PORT, EDGE_TLS_PORT   where nginx listens
set -eu
source=$(cd "$(dirname "$0")" && pwd)
umask 022
directory=${EDGE_DIR:-/tmp/edge}
temp=${EDGE_TEMP_DIR:-$directory}/temp
certificates=${EDGE_CERTIFICATES:-/certificates}
recommender_port=${EDGE_RECOMMENDER_PORT:-8000}
ad_provider_port=${EDGE_AD_PROVIDER_PORT:-8001}
tls_port=${EDGE_TLS_PORT:-8443}
hops=${TRUSTED_PROXIES:-0}

refuse() {
    echo "$1: must be $2" >&2
    exit 1
}

# check NAME VALUE EXPLANATION PATTERN: refuse a list if an entry of it does not match.
check() {
    echo "$2" | tr '\n' ' ' | grep -Eqx "($4)(,($4))* " || refuse "$1" "$3"  # tr: grep looks at each line alone
}

# own NAME FOLDER: make a folder, and refuse one in which another user could put links or a configuration.
own() {
    mkdir -p "$2"
    [ -n "$(find "$2" -prune -type d -user "$(id -u)" ! -perm -020 ! -perm -002)" ] ||
        refuse "$1" "a folder of your own, to which nobody else can write: $2 is not"
}

recommenders=${EDGE_RECOMMENDERS:-recommender:8000}
ad_providers=${EDGE_AD_PROVIDERS:-ad-provider:8001}
case $(echo "${HTTPS:-}" | tr '[:upper:]' '[:lower:]') in
    1 | on | true | yes) origins=${CORS_ALLOWED_ORIGINS-} ;;
    *) origins=${CORS_ALLOWED_ORIGINS-http://localhost:4200} ;;
esac
operators=${EDGE_OPERATORS:-127.0.0.0/8,10.0.0.0/8,172.16.0.0/12,192.168.0.0/16,::1,fc00::/7}
check EDGE_RECOMMENDERS "$recommenders" "host:port, separated by commas" '[A-Za-z0-9._-]+:[0-9]{1,5}'
check EDGE_AD_PROVIDERS "$ad_providers" "host:port, separated by commas" '[A-Za-z0-9._-]+:[0-9]{1,5}'
check EDGE_OPERATORS "$operators" "addresses or networks, separated by commas" '[0-9a-fA-F.:]+(/[0-9]{1,3})?'
check CORS_ALLOWED_ORIGINS "$origins" "origins, separated by commas" ' *(https?://[][A-Za-z0-9.:-]+)? *'
check EDGE_RECOMMENDER_PORT "$recommender_port" "a port number" '[0-9]{1,5}'
check EDGE_AD_PROVIDER_PORT "$ad_provider_port" "a port number" '[0-9]{1,5}'
check EDGE_TLS_PORT "$tls_port" "a port number" '[0-9]{1,5}'
check TRUSTED_PROXIES "$hops" "a whole number from 0 to 10" '[0-9]|10'

own EDGE_DIR "$directory"
own EDGE_TEMP_DIR "$temp"
mkdir -p "$directory/generated" "$directory/cache"
directory=$(cd "$directory" && pwd)
temp=$(cd "$temp" && pwd)
cp -f "$source"/*.conf "$directory"
cd "$directory/generated"

upstream() {
    echo "upstream $1 {"
    echo "    zone $1 128k;"
    for instance in $(echo "$2" | tr ',' ' '); do
        # nginx looks a name up again when its time to live is over, which takes nginx 1.27.3 or later.
        case ${instance%:*} in *[!0-9.]*) resolve=" resolve" ;; *) resolve="" ;; esac
        # One that fails is left out for two seconds. If all are, they are tried all the same. nginx does not leave out a
        # single address, so that one is not tried twice.
        echo "    server $instance$resolve max_fails=1 fail_timeout=2s;"
        [ "$2$resolve" = "$instance" ] || echo "    server $instance$resolve max_fails=0 backup;"
    done
    echo "    keepalive 32;"
    echo "    keepalive_timeout 20s;  # less than keepalive in gunicorn.conf.py"
    echo "}"
}
{
    servers=$(awk '$1 == "nameserver" && $2 !~ /%/ { print ($2 ~ /:/ ? "[" $2 "]" : $2) }' /etc/resolv.conf | tr '\n' ' ')
    [ -z "$servers" ] || echo "resolver $servers valid=5s;"
    upstream recommender "$recommenders"
    upstream ad_provider "$ad_providers"
} > upstreams.conf

# The entry of the outermost trusted proxy, without its port. What stands before it may be made up.
{
    if [ "$hops" = 0 ]; then
        echo 'map "" $client { default $remote_addr; }'
        echo 'map "" $client_scheme { default $scheme; }'
    else
        later=""
        [ "$hops" = 1 ] || later="(,[^,]*){$((hops - 1))}"
        cat <<MAPS
map \$http_x_forwarded_for \$client {
    "~(^|,)\s*(?<entry>[0-9.]+)(:[0-9]+)?\s*$later\$" \$entry;
    "~(^|,)\s*\[?(?<entry>[0-9a-fA-F:.]+)(\](:[0-9]+)?)?\s*$later\$" \$entry;
    "" \$remote_addr;
    default 255.255.255.255;  # no address, so no operator
}
map \$http_x_forwarded_proto \$client_scheme {
    https https;
    default \$scheme;
}
MAPS
    fi
} > client.conf

for use in client_body proxy fastcgi uwsgi scgi; do
    echo "${use}_temp_path $temp/$use;"
done > temp.conf

for origin in $(echo "$origins" | tr ',' ' '); do
    echo "\"$origin\" \$http_origin;"
done > origins.conf

echo "$operators" | tr ',' '\n' | sed 's/$/ 1;/' > operators.conf

{
    if [ -r "$certificates/tls.crt" ] && [ -r "$certificates/tls.key" ]; then
        ad_host=$(echo "${AD_PROVIDER_PUBLIC_URL:-}" | sed -nE 's|^https://([A-Za-z0-9.-]+)(:[0-9]+)?/?$|\1|p')
        [ -n "$ad_host" ] || refuse AD_PROVIDER_PUBLIC_URL "https://, with a host name of its own, because TLS is on"
        cat <<SERVERS
ssl_certificate $certificates/tls.crt;
ssl_certificate_key $certificates/tls.key;
ssl_protocols TLSv1.2 TLSv1.3;
ssl_session_cache shared:tls:10m;
server {
    listen $recommender_port;
    listen $ad_provider_port;
    include livez.conf;
    location / { include headers.conf; return 301 https://\$host\$request_uri; }
}
server { listen $tls_port ssl http2 default_server; include recommender.conf; }
server { listen $tls_port ssl http2; server_name $ad_host; include ad_provider.conf; }
SERVERS
    else
        echo "server { listen $recommender_port; include recommender.conf; }"
        echo "server { listen $ad_provider_port; include ad_provider.conf; }"
    fi
} > servers.conf

if ! told=$(nginx -t -p "$directory" -c "$directory/nginx.conf" 2>&1); then
    echo "nginx cannot use these settings: $(echo "$told" | grep -m 1 emerg)" >&2
    exit 1
fi
exec nginx -p "$directory" -c "$directory/nginx.conf" -g "daemon off;"
