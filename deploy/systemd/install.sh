#!/bin/sh
# Install Maitred's units on this machine with what they need: an account, folders, settings, secrets.
#
#   sh deploy/systemd/install.sh book.example.com      (the public host name; as root)
#
# Existing settings and secrets are not changed, so it is safe to run again. Run it again with each version
# whose units have changed.
set -eu
name=${1:?the public host name}
here=$(cd "$(dirname "$0")" && pwd)
umask 022

id maitred >/dev/null 2>&1 ||
    useradd --system --user-group --home-dir /var/lib/maitred --shell /usr/sbin/nologin maitred
install -d -m 700 -o maitred -g maitred /var/lib/maitred
for folder in keys backups sms releases; do
    install -d -m 700 -o maitred -g maitred "/var/lib/maitred/$folder"
done
# root writes them; the account can read them for its commands, but the units' processes cannot
install -d -m 750 -o root -g maitred /etc/maitred /etc/maitred/secrets

write() {  # write NAME VALUE: write the secret atomically
    draft=/etc/maitred/.$1.next
    (umask 027 && printf '%s\n' "$2" >"$draft")
    chgrp maitred "$draft"
    mv "$draft" "/etc/maitred/secrets/$1"
}
put() {  # put NAME VALUE: write the secret, unless it exists
    if [ ! -e "/etc/maitred/secrets/$1" ]; then write "$1" "$2"; fi
}
random() { openssl rand -hex 32; }
database=$(random) backup=$(random) redis=$(random)
for each in secret_key master_key backup_key flower_password; do
    put "$each" "$(random)"
done
# empty means not set. Guests get no messages until a mail server is set
for each in smtp_url twilio_auth_token metrics_token sentry_dsn otel_exporter_otlp_headers \
    backup_old_key aws_shared_credentials failover_url; do
    put "$each" ""
done

# Each server's accounts, with the passwords from the secrets: only once, for the first start. A server's
# URL is its last secret and marks completion: if killed before it, the next run starts that server over
if [ ! -e /etc/maitred/secrets/database_url ]; then
    (
        umask 077
        cat >/etc/maitred/accounts.sql <<SQL
CREATE DATABASE maitred CHARACTER SET utf8mb4;
CREATE USER maitred@localhost IDENTIFIED BY '$database';
GRANT ALL ON maitred.* TO maitred@localhost;
CREATE USER maitred_backup@localhost IDENTIFIED BY '$backup';
GRANT RELOAD, PROCESS, BINLOG MONITOR, REPLICATION SLAVE ON *.* TO maitred_backup@localhost;
GRANT SELECT, LOCK TABLES, SHOW VIEW, TRIGGER, EVENT ON maitred.* TO maitred_backup@localhost;
SQL
    )
    write backup_url "mysql+mysqldb://maitred_backup:$backup@127.0.0.1/maitred"
    write database_url "mysql+mysqldb://maitred:$database@127.0.0.1/maitred"
fi
if [ ! -e /etc/maitred/secrets/redis_url ]; then
    (
        umask 077
        cat >/etc/maitred/redis.conf <<CONF
# holds the task queues: written to disk within a second, nothing is evicted
appendonly yes
appendfsync everysec
maxmemory-policy noeviction
# one user, without administration and flushing
user default off
user maitred on >$redis ~* &* +@all -@admin -@dangerous +info
CONF
    )
    write redis_url "redis://maitred:$redis@127.0.0.1:6379/0"
fi

if [ ! -e /etc/maitred/maitred.env ]; then
    cat >/etc/maitred/maitred.env <<ENV
# Settings that are no secret, by the names of .env.example. Secrets are files in /etc/maitred/secrets.
PUBLIC_URL=https://$name
MAIL_FROM="Maitred <book@$name>"
ENVIRONMENT=production
SMS_CHANNEL=off
TRUSTED_PROXIES=1
FLOWER_ADDRESS=127.0.0.1
KEYSET_FILE=/var/lib/maitred/keys/keyset.json
ERASURES_FILE=/var/lib/maitred/keys/erasures.jsonl
SMS_FILE=/var/lib/maitred/sms/sms.jsonl
# better on another machine or s3://; a folder elsewhere needs a drop-in (ReadWritePaths=)
BACKUP_STORE=/var/lib/maitred/backups
# the units count on these
RELEASE_BY=systemd
RELEASE_FOLDER=/var/lib/maitred/releases
RELEASE_SOCKETS=/run/maitred
METRICS_PORT=9100
ENV
fi

install -m 644 "$here"/units/* /etc/systemd/system/
install -D -m 644 "$here/tmpfiles.conf" /etc/tmpfiles.d/maitred.conf
# polkit reads a rule as soon as its file appears, and only then; `install` makes it readable after that
rules=/etc/polkit-1/rules.d
install -D -m 644 "$here/polkit.rules" "$rules/.maitred.next"
mv "$rules/.maitred.next" "$rules/50-maitred.rules"
install -D -m 644 "$here/journald.conf" /etc/systemd/journald.conf.d/maitred.conf
install -D -m 644 "$here/logrotate.conf" /etc/logrotate.d/nginx
install -m 755 "$here/maitred" /usr/local/bin/maitred
systemd-tmpfiles --create maitred.conf
systemctl daemon-reload
systemctl restart systemd-journald
systemctl enable maitred.service maitred-flower.service
