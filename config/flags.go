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
	server  bool // only servers have the flag, agents do not
}

// ofServer returns the value of a flag that only servers have.
func (v flagValue) ofServer() flagValue {
	v.server = true
	return v
}

var (
	flagBoolean  = flagValue{allowed: `"true" or "false"`, valid: isBoolean} // written --name or --no-name
	flagWhole    = flagValue{allowed: "a whole number", valid: isWhole}
	flagShare    = flagValue{allowed: "a number above 0, up to 1", valid: func(v string) bool { n, err := strconv.ParseFloat(v, 64); return err == nil && n > 0 && n <= 1 }}
	flagDuration = flagValue{allowed: Duration{}.Allowed(), valid: func(v string) bool { return new(Duration).UnmarshalText([]byte(v)) == nil }}
	flagPattern  = flagValue{allowed: "a regular expression", valid: func(v string) bool { _, err := regexp.Compile(v); return v != "" && !isBoolean(v) && err == nil }}
	flagText     = flagValue{allowed: "a text other than true and false", valid: func(v string) bool { return v != "" && !isBoolean(v) }}
)

// flags are the flags of the pinned server that neither prometheus.yml nor this program sets.
// https://prometheus.io/docs/prometheus/latest/command-line/prometheus/
var flags = map[Flag]flagValue{
	"alertmanager.drain-notification-queue-on-shutdown": flagBoolean.ofServer(),
	"alertmanager.notification-batch-size":              flagWhole.ofServer(),
	"alertmanager.notification-queue-capacity":          flagWhole.ofServer(),
	"auto-gomaxprocs":                                      flagBoolean,
	"auto-gomemlimit":                                      flagBoolean,
	"auto-gomemlimit.ratio":                                flagShare,
	"auto-gomemlimit.refresh-interval":                     flagDuration,
	"log.format":                                           oneOf("logfmt", "json"),
	"log.level":                                            oneOf("debug", "info", "warn", "error"),
	"query.lookback-delta":                                 flagDuration.ofServer(),
	"query.max-concurrency":                                flagWhole.ofServer(),
	"query.max-samples":                                    flagWhole.ofServer(),
	"query.timeout":                                        flagDuration.ofServer(),
	"rules.alert.for-grace-period":                         flagDuration.ofServer(),
	"rules.alert.for-outage-tolerance":                     flagDuration.ofServer(),
	"rules.alert.resend-delay":                             flagDuration.ofServer(),
	"rules.max-concurrent-evals":                           flagWhole.ofServer(),
	"storage.remote.flush-deadline":                        flagDuration,
	"storage.remote.read-concurrent-limit":                 flagWhole.ofServer(),
	"storage.remote.read-max-bytes-in-frame":               flagWhole.ofServer(),
	"storage.remote.read-sample-limit":                     flagWhole.ofServer(),
	"storage.tsdb.head-chunks-write-queue-size":            flagWhole.ofServer(),
	"web.cors.origin":                                      flagPattern,
	"web.enable-admin-api":                                 flagBoolean,
	"web.max-connections":                                  flagWhole,
	"web.max-notifications-subscribers":                    flagWhole,
	"web.page-title":                                       flagText,
	"web.read-timeout":                                     flagDuration,
	"web.remote-write-receiver.accepted-protobuf-messages": flagText,
	"web.search.max-limit":                                 flagWhole.ofServer(),
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
	return flagValue{allowed: strings.Join(values, ", "), valid: func(v string) bool { return slices.Contains(values, v) }}
}

func isBoolean(value string) bool { return value == "true" || value == "false" }

// isWhole reports whether a flag of type int can hold value, which may be written as 5e7.
func isWhole(value string) bool {
	n, err := strconv.ParseFloat(value, 64)
	return err == nil && n >= 0 && n <= math.MaxInt32 && n == math.Trunc(n)
}
