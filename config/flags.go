package config

import (
	"maps"
	"math"
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
	flagBoolean  = flagValue{`"true" or "false"`, isBoolean} // written --name or --no-name
	flagWhole    = flagValue{"a whole number", isWhole}
	flagShare    = flagValue{"a number above 0, up to 1", func(v string) bool { n, err := strconv.ParseFloat(v, 64); return err == nil && n > 0 && n <= 1 }}
	flagDuration = flagValue{Duration{}.Allowed(), func(v string) bool { return new(Duration).UnmarshalText([]byte(v)) == nil }}
	flagPattern  = flagValue{"a regular expression", func(v string) bool { _, err := regexp.Compile(v); return v != "" && !isBoolean(v) && err == nil }}
	flagText     = flagValue{"a text other than true and false", func(v string) bool { return v != "" && !isBoolean(v) }}
)

// flags are the flags of the pinned server that neither prometheus.yml nor this program sets.
// https://prometheus.io/docs/prometheus/latest/command-line/prometheus/
var flags = map[Flag]flagValue{
	"alertmanager.drain-notification-queue-on-shutdown": flagBoolean,
	"alertmanager.notification-batch-size":              flagWhole,
	"alertmanager.notification-queue-capacity":          flagWhole,
	"auto-gomaxprocs":                                      flagBoolean,
	"auto-gomemlimit":                                      flagBoolean,
	"auto-gomemlimit.ratio":                                flagShare,
	"auto-gomemlimit.refresh-interval":                     flagDuration,
	"log.format":                                           oneOf("logfmt", "json"),
	"log.level":                                            oneOf("debug", "info", "warn", "error"),
	"query.lookback-delta":                                 flagDuration,
	"query.max-concurrency":                                flagWhole,
	"query.max-samples":                                    flagWhole,
	"query.timeout":                                        flagDuration,
	"rules.alert.for-grace-period":                         flagDuration,
	"rules.alert.for-outage-tolerance":                     flagDuration,
	"rules.alert.resend-delay":                             flagDuration,
	"rules.max-concurrent-evals":                           flagWhole,
	"storage.remote.flush-deadline":                        flagDuration,
	"storage.remote.read-concurrent-limit":                 flagWhole,
	"storage.remote.read-max-bytes-in-frame":               flagWhole,
	"storage.remote.read-sample-limit":                     flagWhole,
	"storage.tsdb.head-chunks-write-queue-size":            flagWhole,
	"web.cors.origin":                                      flagPattern,
	"web.enable-admin-api":                                 flagBoolean,
	"web.enable-otlp-receiver":                             flagBoolean,
	"web.enable-remote-write-receiver":                     flagBoolean,
	"web.max-connections":                                  flagWhole,
	"web.max-notifications-subscribers":                    flagWhole,
	"web.page-title":                                       flagText,
	"web.read-timeout":                                     flagDuration,
	"web.remote-write-receiver.accepted-protobuf-messages": flagText,
	"web.search.max-limit":                                 flagWhole,
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

// isWhole reports whether a flag of type int can hold value, which may be written as 5e7.
func isWhole(value string) bool {
	n, err := strconv.ParseFloat(value, 64)
	return err == nil && n >= 0 && n <= math.MaxInt32 && n == math.Trunc(n)
}
