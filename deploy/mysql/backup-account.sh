#!/bin/sh
# The account of BACKUP_URL, by which MySQL is dumped and its log followed (docs/recovery.md). MySQL's image
# runs this at the first start; of a database that was there before:
#
#   docker compose exec mysql sh /docker-entrypoint-initdb.d/backup-account.sh
#
# Safe to run again: it gives the account the password of secrets/backup_password.
MYSQL_PWD=$(cat /run/secrets/mysql_root_password) mysql --user=root <<SQL
CREATE USER IF NOT EXISTS backup IDENTIFIED BY '$(cat /run/secrets/backup_password)';
ALTER USER backup IDENTIFIED BY '$(cat /run/secrets/backup_password)';
GRANT RELOAD, REPLICATION SLAVE, REPLICATION CLIENT ON *.* TO backup;
GRANT SELECT, LOCK TABLES, SHOW VIEW, TRIGGER ON maitred.* TO backup;
SQL
