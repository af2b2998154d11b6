#!/bin/sh
# Measures directories with du, one at a time and repeatedly, and writes their
# sizes to a file in Prometheus' text format.
#
#   scan.sh DIRECTORY...
#
# OUT        directory of that file, metrics.prom, and of the state between scans
# HOST       where the node's root directory is mounted, without a trailing slash
# DEPTH      how many levels of subdirectories are reported
# THRESHOLD  bytes; smaller directories are not reported
# INTERVAL   seconds from the end of a scan to the start of the next
# TIMEOUT    limit for the scan of one directory, in seconds
#
# All commands are part of busybox.
set -u
renice -n 19 -p $$ # the lowest CPU and disk priority
ionice -c 3 -p $$
export LC_ALL=C HOST THRESHOLD

# scan DIRECTORY STATE measures a directory. It writes the sizes to STATE.sizes and
# the outcome of the scan to STATE.scan.
scan() {
	read -r started _ </proc/uptime
	# The /./ marks where a record of du starts, for sizes.awk: no file has it in its path.
	timeout -s KILL "$TIMEOUT" du -x -k -d "$DEPTH" "$HOST/.$1" >"$OUT/list" 2>"$OUT/errors" &
	wait $!
	ended_as=$?
	read -r ended _ </proc/uptime

	success=1
	if [ "$ended_as" -gt 128 ]; then # ended by a signal: keep the sizes of the previous scan
		echo "$1: scan ended by signal $((ended_as - 128)); the limit is ${TIMEOUT}s" >&2
		success=0
	else
		if ! [ -s "$OUT/list" ]; then # du reports at least the directory itself, if it exists
			echo "$1: not a directory of this node" >&2
			success=0
		fi
		# Files may disappear during a scan; after any other error the sizes are incomplete.
		grep -v -m 10 ': No such file or directory$' "$OUT/errors" >&2 && success=0
		awk -f "${0%/*}/sizes.awk" "$OUT/list" >"$2.new" && mv "$2.new" "$2.sizes" || success=0
	fi
	{
		echo "node_directory_size_scan_success{path=\"$1\"} $success"
		echo "node_directory_size_scan_duration_seconds{path=\"$1\"} $(echo "$started $ended" | awk '{ print $2 - $1 }')"
		echo "node_directory_size_scan_timestamp_seconds{path=\"$1\"} $(date +%s)"
	} >"$2.scan"
	rm -f "$OUT/list" "$OUT/errors"
}

# publish replaces the metrics file atomically.
publish() {
	{
		family node_directory_size_bytes 'Disk space that a directory and everything below it take, on its own file system.'
		family node_directory_size_scan_success 'Whether the last scan of a configured directory was complete.'
		family node_directory_size_scan_duration_seconds 'Duration of the last scan of a configured directory.'
		family node_directory_size_scan_timestamp_seconds 'Unix time of the end of the last scan of a configured directory.'
		echo '# EOF' # fails if the disk is full, as the commands above may have
	} >"$OUT/metrics.new" && mv "$OUT/metrics.new" "$OUT/metrics.prom"
}

# family NAME HELP prints one metric with all of its samples.
family() {
	echo "# HELP $1 $2"
	echo "# TYPE $1 gauge"
	cat "$OUT"/*.sizes "$OUT"/*.scan 2>/dev/null | grep "^$1{"
}

trap 'kill $! 2>/dev/null; exit' TERM INT
publish
while :; do
	state=0
	for directory; do
		state=$((state + 1))
		scan "$directory" "$OUT/$state"
		publish
	done
	sleep "$INTERVAL" &
	wait $!
done
