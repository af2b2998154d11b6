#!/bin/sh
# Responds to a request to httpd, as CGI. httpd could serve the file itself, but would
# send a wrong length if the file were replaced at that moment.
if [ ! -e "$OUT/metrics.prom" ]; then
	printf 'Status: 503 Service Unavailable\r\n\r\n'
	exit
fi
printf 'Content-Type: text/plain; version=0.0.4; charset=utf-8\r\n\r\n'
exec cat "$OUT/metrics.prom"
