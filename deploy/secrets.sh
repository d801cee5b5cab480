#!/bin/sh
# Create the files that docker-compose.yml reads from secrets/: passwords, keys, the TLS certificate.
#
#   sh deploy/secrets.sh [FOLDER]      (secrets)
#
# Existing files are not changed, so it is safe to run again. Then put in your own values:
# smtp_url (your mail server), twilio_auth_token, aws_credentials, otlp_headers (the key of your tracing
# service), alert_receivers (recipients of alerts), fullchain.pem and privkey.pem. Only the folder is
# restricted (700): the processes in the containers run as other users, and read single files.
set -eu
folder=${1:-secrets}
umask 022
mkdir -p "$folder"
chmod 700 "$folder"

put() {  # put NAME VALUE: write the file unless it is there
    [ -e "$folder/$1" ] || printf '%s\n' "$2" >"$folder/$1"
}
random() { openssl rand -hex 32; }

for name in secret_key master_key backup_key flower_password grafana_password \
    mysql_password mysql_root_password backup_password redis_password; do
    put "$name" "$(random)"
done
mysql=$(cat "$folder/mysql_password")
redis=$(cat "$folder/redis_password")
put database_url "mysql+mysqldb://maitred:$mysql@mysql/maitred"
put backup_url "mysql+mysqldb://backup:$(cat "$folder/backup_password")@mysql/maitred"
put redis_url "redis://maitred:$redis@redis:6379/0"
# one user with full use of Redis, but without administration and flushing
put redis_acl "user default off
user maitred on >$redis ~* &* +@all -@admin -@dangerous +info"
put smtp_url "smtp://mail:1025"
put twilio_auth_token ""
# for backups on s3://: aws_access_key_id = ..., aws_secret_access_key = ...
put aws_credentials "[default]"
put otlp_headers ""
# recipients of alerts; Alertmanager does not start without any
put alert_receivers '# Remove the comment signs, and insert your own receivers (of Alertmanager). "page" is notified at any
# hour, and not by mail alone: a dead mail server could not report itself. "ticket" can wait.
#receivers:
#  - name: page
#    pagerduty_configs: [{routing_key: "..."}]
#  - name: ticket
#    email_configs: [{to: "...", from: "...", smarthost: "mail.example.com:587"}]'
if [ ! -e "$folder/fullchain.pem" ]; then
    openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 365 \
        -subj "/CN=localhost" -addext "subjectAltName=DNS:localhost,IP:127.0.0.1" \
        -keyout "$folder/privkey.pem" -out "$folder/fullchain.pem" 2>/dev/null
    # nginx reads it before it drops root
    chmod 600 "$folder/privkey.pem"
fi
