#!/bin/sh
# What the entrypoint of MySQL's image does, for the server that this machine has.
set -eu
data=/var/lib/mysql
if [ ! -d "$data/mysql" ]; then
    mariadb-install-db --no-defaults --user=root --datadir="$data" --auth-root-authentication-method=normal >/dev/null
    mariadbd --no-defaults --user=root --datadir="$data" --skip-networking --socket=/tmp/first.sock &
    first=$!
    until mariadb-admin --no-defaults --socket=/tmp/first.sock ping --silent; do sleep 0.2; done
    mariadb --no-defaults --socket=/tmp/first.sock <<SQL
CREATE DATABASE \`$MYSQL_DATABASE\`;
CREATE USER '$MYSQL_USER'@'%' IDENTIFIED BY '$(cat "$MYSQL_PASSWORD_FILE")';
GRANT ALL ON \`$MYSQL_DATABASE\`.* TO '$MYSQL_USER'@'%';
ALTER USER root@localhost IDENTIFIED BY '$(cat "$MYSQL_ROOT_PASSWORD_FILE")';
SQL
    kill "$first"
    wait "$first" || true
fi
exec mariadbd --no-defaults --user=root --datadir="$data" --socket=/run/mysqld/mysqld.sock "$@"
