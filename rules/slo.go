package rules

import (
	"strconv"
	"strings"
	"time"

	"github.com/prometheus/common/model"
)

// sloFile states the objective of the API servers as a share of requests, and the period over which
// their availability is measured. expandSLO replaces both.
const (
	sloFile      = "apiserver-slo.yaml"
	sloObjective = "0.999"
	sloPeriod    = "[30d]"
)

// ObjectivePeriod returns the time over which the availability of the API servers is measured, which a
// server that keeps samples for the retention can look back. A retention of 0 is long enough.
func ObjectivePeriod(retention time.Duration) model.Duration {
	period := 30 * 24 * time.Hour
	if retention > 0 {
		period = min(period, retention)
	}
	return model.Duration(period)
}

// expandSLO returns the text of sloFile for another objective, and a period that the server can look
// back. Zero values keep what the file has.
func expandSLO(text string, objective float64, retention time.Duration) string {
	if objective > 0 {
		text = strings.ReplaceAll(text, sloObjective, strconv.FormatFloat(objective, 'f', -1, 64))
	}
	return strings.ReplaceAll(text, sloPeriod, "["+ObjectivePeriod(retention).String()+"]")
}
