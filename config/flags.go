package config

import (
	"maps"
	"regexp"
	"slices"
	"strconv"
	"strings"
)

// Flag is a Prometheus command-line flag that a stack may set.
type Flag string

// flagValue describes what a flag accepts.
type flagValue struct {
	allowed string // for messages
	valid   func(value string) bool
}

var (
	boolean  = flagValue{`"true" or "false"`, isBoolean} // written --name or --no-name
	whole    = flagValue{"a whole number", func(v string) bool { _, err := strconv.ParseUint(v, 10, 31); return err == nil }}
	share    = flagValue{"a number above 0, up to 1", func(v string) bool { n, err := strconv.ParseFloat(v, 64); return err == nil && n > 0 && n <= 1 }}
	interval = flagValue{Duration{}.Allowed(), func(v string) bool { return new(Duration).UnmarshalText([]byte(v)) == nil }}
	pattern  = flagValue{"a regular expression", func(v string) bool { _, err := regexp.Compile(v); return v != "" && err == nil }}
	nonEmpty = flagValue{"its value, which is not empty", func(v string) bool { return v != "" && !isBoolean(v) }}
)

// flags are the flags of the pinned server that neither prometheus.yml nor this program sets.
// https://prometheus.io/docs/prometheus/latest/command-line/prometheus/
var flags = map[Flag]flagValue{
	"alertmanager.drain-notification-queue-on-shutdown": boolean,
	"alertmanager.notification-batch-size":              whole,
	"alertmanager.notification-queue-capacity":          whole,
	"auto-gomaxprocs":                                      boolean,
	"auto-gomemlimit":                                      boolean,
	"auto-gomemlimit.ratio":                                share,
	"auto-gomemlimit.refresh-interval":                     interval,
	"log.format":                                           oneOf("logfmt", "json"),
	"log.level":                                            oneOf("debug", "info", "warn", "error"),
	"query.lookback-delta":                                 interval,
	"query.max-concurrency":                                whole,
	"query.max-samples":                                    whole,
	"query.timeout":                                        interval,
	"rules.alert.for-grace-period":                         interval,
	"rules.alert.for-outage-tolerance":                     interval,
	"rules.alert.resend-delay":                             interval,
	"rules.max-concurrent-evals":                           whole,
	"storage.remote.flush-deadline":                        interval,
	"storage.remote.read-concurrent-limit":                 whole,
	"storage.remote.read-max-bytes-in-frame":               whole,
	"storage.remote.read-sample-limit":                     whole,
	"storage.tsdb.head-chunks-write-queue-size":            whole,
	"web.cors.origin":                                      pattern,
	"web.enable-admin-api":                                 boolean,
	"web.enable-otlp-receiver":                             boolean,
	"web.enable-remote-write-receiver":                     boolean,
	"web.max-connections":                                  whole,
	"web.max-notifications-subscribers":                    whole,
	"web.page-title":                                       nonEmpty,
	"web.read-timeout":                                     interval,
	"web.remote-write-receiver.accepted-protobuf-messages": nonEmpty,
	"web.search.max-limit":                                 whole,
}

// Values lists the flags, sorted.
func (Flag) Values() []string {
	names := make([]string, 0, len(flags))
	for _, name := range slices.Sorted(maps.Keys(flags)) {
		names = append(names, string(name))
	}
	return names
}

func oneOf(values ...string) flagValue {
	return flagValue{strings.Join(values, ", "), func(v string) bool { return slices.Contains(values, v) }}
}

func isBoolean(value string) bool { return value == "true" || value == "false" }
