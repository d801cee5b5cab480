#!/bin/sh
# What the entrypoint of MySQL's image does, for the server that this machine has: the MySQL that
# MYSQLD names (sh .ci/mysql), or MariaDB.
set -eu
data=/var/lib/mysql
socket=/run/mysqld/mysqld.sock
common="--no-defaults --user=root --datadir=$data --socket=$socket"
if [ -n "${MYSQLD:-}" ]; then
    usr=$(dirname "$MYSQLD")/root/usr
    server="$MYSQLD $common --mysqlx=OFF --secure-file-priv=NULL --lc-messages-dir=$usr/share/mysql
        --character-sets-dir=$usr/share/mysql/charsets --plugin-dir=$usr/lib/mysql/plugin"
    make="$server --initialize-insecure"
else
    # MySQL keeps its log as it comes
    server="mariadbd $common --log-bin=binlog --server-id=1 --binlog-format=ROW"
    make="mariadb-install-db --no-defaults --user=root --datadir=$data
        --auth-root-authentication-method=normal"
fi

# shellcheck disable=SC2086  # lists of words
if [ ! -d "$data/mysql" ]; then
    $make >/dev/null
    $server --skip-networking &
    first=$!
    until mariadb-admin --no-defaults --socket="$socket" ping --silent; do sleep 0.2; done
    mariadb --no-defaults --socket="$socket" <<SQL
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
# shellcheck disable=SC2086
exec $server "$@"
