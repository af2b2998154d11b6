#!/bin/sh
# Pushes datasources, folders and dashboards through Grafana's HTTP API. The request bodies
# are in the script's directory: datasource.UID.json, folder.UID.json, dashboard.UID.json.
# Before, it deletes the datasources and dashboards that it has pushed earlier and that are not
# among these any more. What it has pushed is an option of the datasource whose UID is in the file
# record: imported, with names such as dashboard.UID between spaces.
# It stops at the first request that fails. Running it again changes nothing.
#
#   GRAFANA_URL            base URL, without credentials and trailing slash
#   GRAFANA_TOKEN_FILE     file with a service account token; if unset, the next two
#   GRAFANA_USER           user name
#   GRAFANA_PASSWORD_FILE  file with the password of that user
#   GRAFANA_READY_SECONDS  how many seconds to wait for Grafana to become ready
set -eu

payload=$(dirname "$0")
newline='
'

fail() {
	printf 'import: %s\n' "$*" >&2
	exit 1
}

# authorization prints the header with the credential. printf is a shell builtin, and curl
# reads the header from standard input, so that no process has the credential in its
# arguments or environment.
authorization() {
	if [ -n "${GRAFANA_TOKEN_FILE:-}" ]; then
		printf 'Authorization: Bearer %s\n' "$(cat "$GRAFANA_TOKEN_FILE")"
	else
		printf 'Authorization: Basic %s\n' \
			"$(printf '%s:%s' "$GRAFANA_USER" "$(cat "$GRAFANA_PASSWORD_FILE")" | base64 | tr -d '\n')"
	fi
}

# call METHOD PATH [FILE] sends the file and stores the response in $status and $body.
call() {
	answer=$(authorization | curl --disable --silent --show-error --max-time 60 \
		--request "$1" --header @- --header 'Content-Type: application/json' \
		${3:+--data-binary "@$3"} --write-out '\n%{http_code}' "$GRAFANA_URL$2") ||
		fail "$1 $GRAFANA_URL$2: no answer"
	status=${answer##*"$newline"}
	body=${answer%"$newline"*}
}

# accepted METHOD PATH [FILE] makes a call, and exits unless Grafana accepts it.
accepted() {
	call "$@"
	case $status in
	2??) ;;
	*) fail "$1 $GRAFANA_URL$2${3:+ with ${3##*/}}: HTTP $status: $body" ;;
	esac
}

# exists PATH reports whether Grafana has an object at the path.
exists() {
	call GET "$1"
	case $status in
	200) return 0 ;;
	404) return 1 ;;
	*) fail "GET $GRAFANA_URL$1: HTTP $status: $body" ;;
	esac
}

# each KIND FUNCTION calls the function with the UID and the file of each object of a kind.
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

# An existing folder keeps its title, which somebody may have changed.
folder() {
	exists "/api/folders/$1" || accepted POST /api/folders "$2"
}

dashboard() {
	accepted POST /api/dashboards/db "$2"
}

# lists prints each list of what was imported in the response: of this stack, or of every one.
lists() {
	printf '%s' "$body" | grep -o '"imported":" [^"]*"' || :
}

# delete_others deletes what was imported and is not among the files, unless another stack that
# fills the same Grafana has imported it too.
delete_others() {
	record=$(cat "$payload/record")
	exists "/api/datasources/uid/$record" || return 0
	imported=$(lists | cut -d '"' -f 4)
	accepted GET /api/datasources
	all=$(lists)
	for name in $imported; do
		[ ! -e "$payload/$name.json" ] || continue
		[ "$(printf '%s\n' "$all" | grep -cF " $name ")" -le 1 ] || continue
		kind=${name%%.*} uid=${name#*.}
		exists "/api/${kind}s/uid/$uid" || continue
		call DELETE "/api/${kind}s/uid/$uid"
		case $status in
		2??) printf 'import: %s %s is deleted, as the stack does not have it any more\n' "$kind" "$uid" ;;
		400 | 403) printf 'import: %s %s stays: HTTP %s: %s\n' "$kind" "$uid" "$status" "$body" >&2 ;; # provisioned, or of others
		*) fail "DELETE $GRAFANA_URL/api/${kind}s/uid/$uid: HTTP $status: $body" ;;
		esac
	done
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

delete_others
each datasource datasource
each folder folder
each dashboard dashboard
