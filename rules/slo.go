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

// expandSLO returns the text of sloFile for another objective, and a period that the server can look
// back. Zero values keep what the file has.
func expandSLO(text string, objective float64, retention time.Duration) string {
	if objective > 0 {
		text = strings.ReplaceAll(text, sloObjective, strconv.FormatFloat(objective, 'f', -1, 64))
	}
	if retention > 0 && retention < 30*24*time.Hour {
		text = strings.ReplaceAll(text, sloPeriod, "["+model.Duration(retention).String()+"]")
	}
	return text
}
