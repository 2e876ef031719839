#!/usr/bin/env bash
# Throw-away PostgreSQL and MariaDB servers on loopback, for the tests that need real ones:
#
#   export $(scripts/databases.sh)            installs what is missing (Debian, Ubuntu), starts both, prints their URLs
#   scripts/databases.sh stop "$DATABASES"    stops both and deletes what they held
#
# No other database of the machine is touched.
set -euo pipefail
export LC_ALL=C PATH="$PATH:/usr/sbin"
cd /

# Servers refuse to run as root: then they run as the user that their package has made.
as() {
  local user=$1
  shift
  if [ "$(id -u)" = 0 ]; then runuser -u "$user" -- "$@"; else "$@"; fi
}

pg() { as postgres "$(ls -d /usr/lib/postgresql/*/bin | sort -V | tail -n 1)/$1" "${@:2}"; }

stop() {
  pg pg_ctl stop --pgdata="$1/postgres/data" --mode=fast >&2 || true
  as mysql mariadb-admin --no-defaults --socket="$1/mysql/socket" --user=root shutdown >&2 || true
  rm -rf -- "$1"
}

if [ "${1:-}" = stop ]; then
  [ -d "${2:?the directory that DATABASES names}/mysql" ] || { echo "No databases in $2." >&2; exit 1; }
  stop "$2"
  exit
fi

if ! command -v mariadbd >/dev/null || ! ls /usr/lib/postgresql/*/bin/initdb >/dev/null 2>&1; then
  root=()
  [ "$(id -u)" = 0 ] || root=(sudo)
  {
    "${root[@]}" apt-get -o DPkg::Lock::Timeout=300 update
    "${root[@]}" env DEBIAN_FRONTEND=noninteractive \
      apt-get -o DPkg::Lock::Timeout=300 install --yes --no-install-recommends postgresql mariadb-server
  } >&2
fi

free_port() {
  node -e 'const s = require("net").createServer().listen(0, "127.0.0.1", () => { console.log(s.address().port); s.close() })'
}

directory=$(mktemp -d)
chmod 755 "$directory"
mkdir "$directory/postgres" "$directory/mysql"
if [ "$(id -u)" = 0 ]; then
  chown postgres "$directory/postgres"
  chown mysql "$directory/mysql"
fi
trap 'tail -n 20 "$directory/mysql-log" "$directory/postgres/log" >&2 || true; stop "$directory"' ERR

postgres_port=$(free_port)
echo throw-away | as postgres tee "$directory/postgres/password" >/dev/null
pg initdb --pgdata="$directory/postgres/data" --username=test --pwfile="$directory/postgres/password" \
  --auth=scram-sha-256 --encoding=UTF8 --no-sync >&2
pg pg_ctl start --wait --pgdata="$directory/postgres/data" --log="$directory/postgres/log" \
  --options="-p $postgres_port -c listen_addresses=127.0.0.1 -c unix_socket_directories=$directory/postgres -c fsync=off" >&2

mysql_port=$(free_port)
as mysql mariadb-install-db --no-defaults --datadir="$directory/mysql/data" --skip-test-db \
  --auth-root-authentication-method=normal >&2
as mysql setsid mariadbd --no-defaults --datadir="$directory/mysql/data" --socket="$directory/mysql/socket" \
  --pid-file="$directory/mysql/pid" --bind-address=127.0.0.1 --port="$mysql_port" --skip-name-resolve \
  </dev/null >"$directory/mysql-log" 2>&1 &
for _ in $(seq 120); do
  as mysql mariadb-admin --no-defaults --socket="$directory/mysql/socket" --user=root ping >/dev/null 2>&1 && break
  sleep 0.5
done
as mysql mariadb --no-defaults --socket="$directory/mysql/socket" --user=root >&2 <<SQL
create database test;
create user test@'127.0.0.1' identified by 'throw-away';
grant all on test.* to test@'127.0.0.1';
SQL

echo "POSTGRES_URL=postgres://test:throw-away@127.0.0.1:$postgres_port/postgres"
echo "MYSQL_URL=mysql://test:throw-away@127.0.0.1:$mysql_port/test"
echo "DATABASES=$directory"
