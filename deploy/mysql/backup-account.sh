#!/bin/sh
# The account of BACKUP_URL, for dumping MySQL and following its binary log (docs/recovery.md). MySQL's image
# runs this at the first start. For an existing database:
#
#   docker compose exec mysql sh /docker-entrypoint-initdb.d/backup-account.sh
#
# Safe to run again: it sets the account's password to secrets/backup_password.
MYSQL_PWD=$(cat /run/secrets/mysql_root_password) mysql --user=root <<SQL
CREATE USER IF NOT EXISTS backup IDENTIFIED BY '$(cat /run/secrets/backup_password)';
ALTER USER backup IDENTIFIED BY '$(cat /run/secrets/backup_password)';
GRANT RELOAD, REPLICATION SLAVE, REPLICATION CLIENT ON *.* TO backup;
GRANT SELECT, LOCK TABLES, SHOW VIEW, TRIGGER ON maitred.* TO backup;
SQL
