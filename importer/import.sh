#!/bin/sh
# Pushes datasources, folders and dashboards through Grafana's HTTP API. The request
# bodies lie beside this script: datasource.UID.json, folder.UID.json, dashboard.UID.json.
# Running it again changes nothing; the first request that fails ends it.
#
#   GRAFANA_URL            base URL, without credentials and trailing slash
#   GRAFANA_TOKEN_FILE     file with a service account token, or else
#   GRAFANA_USER           user name, with
#   GRAFANA_PASSWORD_FILE  file with the password
#   GRAFANA_READY_SECONDS  how long to wait for Grafana to be ready
set -eu

payload=$(dirname "$0")
newline='
'

fail() {
	printf 'import: %s\n' "$*" >&2
	exit 1
}

# The header that logs in. printf is part of the shell and curl reads the header from its
# standard input, so the credential is in nobody's arguments or environment.
authorization() {
	if [ -n "${GRAFANA_TOKEN_FILE:-}" ]; then
		printf 'Authorization: Bearer %s\n' "$(cat "$GRAFANA_TOKEN_FILE")"
	else
		printf 'Authorization: Basic %s\n' \
			"$(printf '%s:%s' "$GRAFANA_USER" "$(cat "$GRAFANA_PASSWORD_FILE")" | base64 | tr -d '\n')"
	fi
}

# call METHOD PATH [FILE] sends the file and leaves the answer in $status and $body.
call() {
	answer=$(authorization | curl --disable --silent --show-error --max-time 60 \
		--request "$1" --header @- --header 'Content-Type: application/json' \
		${3:+--data-binary "@$3"} --write-out '\n%{http_code}' "$GRAFANA_URL$2") ||
		fail "$1 $GRAFANA_URL$2: no answer"
	status=${answer##*"$newline"}
	body=${answer%"$newline"*}
}

# accepted METHOD PATH [FILE] is a call that Grafana has to accept.
accepted() {
	call "$@"
	case $status in
	2??) ;;
	*) fail "$1 $GRAFANA_URL$2${3:+ with ${3##*/}}: HTTP $status: $body" ;;
	esac
}

# exists PATH tells whether there is something at the path.
exists() {
	call GET "$1"
	case $status in
	200) return 0 ;;
	404) return 1 ;;
	*) fail "GET $GRAFANA_URL$1: HTTP $status: $body" ;;
	esac
}

# each KIND FUNCTION calls the function with the UID and file of everything of a kind.
each() {
	count=0
	for file in "$payload/$1".*.json; do
		[ -e "$file" ] || break
		uid=${file##*/"$1".}
		"$2" "${uid%.json}" "$file"
		count=$((count + 1))
	done
	printf 'import: %d %ss are in place\n' "$count" "$1"
}

datasource() {
	if exists "/api/datasources/uid/$1"; then
		accepted PUT "/api/datasources/uid/$1" "$2"
	else
		accepted POST /api/datasources "$2"
	fi
}

# A folder that exists keeps the title somebody may have given it.
folder() {
	exists "/api/folders/$1" || accepted POST /api/folders "$2"
}

dashboard() {
	accepted POST /api/dashboards/db "$2"
}

credential=${GRAFANA_TOKEN_FILE:-$GRAFANA_PASSWORD_FILE}
[ -s "$credential" ] || fail "$credential: no credential in it"

deadline=$(($(date +%s) + GRAFANA_READY_SECONDS))
until health=$(curl --disable --silent --max-time 5 --output /dev/null \
	--write-out '%{http_code}' "$GRAFANA_URL/api/health") && [ "$health" = 200 ]; do
	[ "$(date +%s)" -lt "$deadline" ] ||
		fail "GET $GRAFANA_URL/api/health: HTTP $health, not ready after $GRAFANA_READY_SECONDS s"
	sleep 1
done

each datasource datasource
each folder folder
each dashboard dashboard
