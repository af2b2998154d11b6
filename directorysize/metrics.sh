#!/bin/sh
# Answers a request to httpd, as CGI. httpd would serve the file itself, but with
# the length of the file before when it is replaced at the wrong moment.
if [ ! -e "$OUT/metrics.prom" ]; then
	printf 'Status: 503 Service Unavailable\r\n\r\n'
	exit
fi
printf 'Content-Type: text/plain; version=0.0.4; charset=utf-8\r\n\r\n'
exec cat "$OUT/metrics.prom"
