#!/bin/sh
# What the entrypoint of MySQL's image does, for the server that this machine has.
set -eu
data=/var/lib/mysql
if [ ! -d "$data/mysql" ]; then
    mariadb-install-db --no-defaults --user=root --datadir="$data" --auth-root-authentication-method=normal >/dev/null
    mariadbd --no-defaults --user=root --datadir="$data" --skip-networking --socket=/run/mysqld/mysqld.sock &
    first=$!
    until mariadb-admin --no-defaults --socket=/run/mysqld/mysqld.sock ping --silent; do sleep 0.2; done
    mariadb --no-defaults --socket=/run/mysqld/mysqld.sock <<SQL
CREATE DATABASE \`$MYSQL_DATABASE\`;
CREATE USER '$MYSQL_USER'@'%' IDENTIFIED BY '$(cat "$MYSQL_PASSWORD_FILE")';
GRANT ALL ON \`$MYSQL_DATABASE\`.* TO '$MYSQL_USER'@'%';
ALTER USER root@localhost IDENTIFIED BY '$(cat "$MYSQL_ROOT_PASSWORD_FILE")';
SQL
    for script in /docker-entrypoint-initdb.d/*.sh; do
        # shellcheck disable=SC1090  # what the compose file puts there
        . "$script"
    done
    kill "$first"
    wait "$first" || true
fi
exec mariadbd --no-defaults --user=root --datadir="$data" --socket=/run/mysqld/mysqld.sock \
    --log-bin=binlog --server-id=1 --binlog-format=ROW "$@"
