package rules

import (
	"maps"
	"math"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/prometheus/prometheus/promql/parser"
	"go.yaml.in/yaml/v3"

	"github.com/kubernetes-prometheus/kubernetes-prometheus/config"
)

// unit is what the threshold of an alert measures, and which values it may have.
type unit struct {
	written []config.ThresholdUnit
	high    float64 // the lowest is 0
	allowed string
}

var (
	share  = unit{[]config.ThresholdUnit{config.Percentage, config.Number}, 1, "a share of the whole, such as 85% or 0.85"}
	length = unit{[]config.ThresholdUnit{config.Seconds}, math.Inf(1), "a duration, such as 30s or 21d"}
	amount = unit{[]config.ThresholdUnit{config.Number}, math.Inf(1), "a number"}

	// A share that may exceed the whole.
	multiple = unit{[]config.ThresholdUnit{config.Percentage, config.Number}, math.Inf(1), "a multiple of the whole, such as 150% or 1.5"}
)

// thresholds holds the alerts whose threshold a stack may change. It is the number with which the
// outermost comparison of their expressions ends.
var thresholds = map[string]unit{
	"APIServerErrorsHigh":                  share,
	"APIServerSlow":                        length,
	"APIServerThrottling":                  amount, // requests per second
	"AggregatedAPIFlapping":                amount, // in 30 minutes
	"AlertmanagerNotificationsFailing":     share,
	"CPUOvercommitted":                     multiple, // of what is left without the largest node
	"CPUQuotaOvercommitted":                multiple,
	"ClientCertificateExpiring":            length,
	"ContainerCPUThrottled":                share,  // of periods
	"ContainerProbeFailing":                share,  // of probes
	"ControllerBacklog":                    amount, // objects
	"CoreDNSErrorsHigh":                    share,
	"CoreDNSSlow":                          length,
	"DirectorySizeScanSlow":                length,
	"DirectorySizeScanStale":               length,
	"EtcdDatabaseNearQuota":                share,
	"EtcdDiskSlow":                         length,
	"EtcdLeaderChanges":                    amount, // in 15 minutes
	"EtcdProposalsFailing":                 amount, // in 15 minutes
	"GrafanaRequestsFailing":               share,
	"JobNotCompleted":                      length,
	"KubeProxyRulesStale":                  length,
	"KubeProxySlow":                        length,
	"KubeletClientCertificateExpiring":     length,
	"KubeletPLEGSlow":                      length, // of at most 10 seconds
	"KubeletPodStartSlow":                  length,
	"KubeletRuntimeErrors":                 share,
	"KubeletServerCertificateExpiring":     length,
	"KubeletTooManyPods":                   share,
	"KubeletVolumeErrors":                  share,
	"KubernetesClientErrors":               share,
	"LoginErrorsHigh":                      share,
	"MemoryOvercommitted":                  multiple, // of what is left without the largest node
	"MemoryQuotaOvercommitted":             multiple,
	"NodeCPUHigh":                          share,
	"NodeConntrackTableFull":               share,
	"NodeDiskSaturated":                    amount, // requests
	"NodeFileDescriptorsHigh":              share,
	"NodeFilesystemFillingUp":              share, // of the space left
	"NodeFilesystemInodesFillingUp":        share,
	"NodeFilesystemInodesLow":              share,
	"NodeFilesystemSpaceLow":               share,
	"NodeIOStalled":                        share,  // of the time
	"NodeMajorPageFaults":                  amount, // per second
	"NodeMemoryHigh":                       share,
	"NodeMemoryStalled":                    share, // of the time
	"NodeNetworkErrors":                    share,
	"NodeNetworkInterfaceFlapping":         amount, // in 15 minutes
	"NodeReadinessFlapping":                amount, // in 15 minutes
	"NodeSaturated":                        amount, // tasks for each CPU
	"NodeSoftnetDrops":                     share,
	"NodeSoftnetSqueezed":                  amount, // per second
	"PersistentVolumeClaimFillingUp":       share,
	"PersistentVolumeClaimInodesFillingUp": share,
	"PersistentVolumeClaimInodesLow":       share,
	"PersistentVolumeClaimSpaceLow":        share,
	"ProbeCertificateExpiring":             length,
	"PrometheusNotificationQueueFillingUp": share,
	"PrometheusNotificationsFailing":       share,
	"PrometheusQueryLoadHigh":              share,
	"PrometheusRemoteWriteBehind":          length,
	"PrometheusRemoteWriteFailing":         share,
	"PrometheusStorageNearRetentionSize":   share,
	"QuotaAlmostFull":                      share,
	"SchedulerBacklog":                     amount, // pods
	"SchedulerErrors":                      share,
	"SchedulerSlow":                        length,
	"TargetDown":                           share,
	"ThanosBucketOperationsFailing":        share,
	"ThanosQueryErrorsHigh":                share,
	"ThanosQueryIncomplete":                share,
	"WindowsNodeCPUHigh":                   share,
	"WindowsNodeDiskFillingUp":             share, // of the space left
	"WindowsNodeDiskSpaceLow":              share,
	"WindowsNodeMemoryHigh":                share,
}

// comparison returns the outermost comparison of a rule's expression with a number, by order; nil if it
// has none.
func comparison(rule *yaml.Node) *parser.BinaryExpr {
	expr, err := parser.NewParser(parser.Options{}).ParseExpr(value(rule, "expr"))
	if err != nil {
		return nil
	}
	return outermost(expr)
}

// outermost returns the outermost comparison of an expression with a number, by order: of `and`, `or`
// and `unless`, on their left. Nil if there is none.
func outermost(expr parser.Expr) *parser.BinaryExpr {
	switch e := expr.(type) {
	case *parser.ParenExpr:
		return outermost(e.Expr)
	case *parser.BinaryExpr:
		if e.Op.IsSetOperator() {
			return outermost(e.LHS)
		}
		if order := []parser.ItemType{parser.GTR, parser.GTE, parser.LSS, parser.LTE}; slices.Contains(order, e.Op) && !e.ReturnBool && e.RHS.Type() == parser.ValueTypeScalar {
			return e
		}
	}
	return nil
}

// threshold returns the number that a rule compares with, and whether it fires below it.
func threshold(rule *yaml.Node) (limit float64, below, ok bool) {
	compared := comparison(rule)
	if compared == nil {
		return 0, false, false
	}
	limit, ok = number(compared.RHS)
	return limit, compared.Op == parser.LSS || compared.Op == parser.LTE, ok
}

// number returns the value of an expression of numbers, such as 21 * 24 * 3600.
func number(expr parser.Expr) (float64, bool) {
	switch e := expr.(type) {
	case *parser.NumberLiteral:
		return e.Val, true
	case *parser.ParenExpr:
		return number(e.Expr)
	case *parser.BinaryExpr:
		left, ok := number(e.LHS)
		right, also := number(e.RHS)
		if ok && also && e.Op == parser.MUL {
			return left * right, true
		}
	}
	return 0, false
}

// setThreshold replaces the number that a rule compares with, if there is one.
func setThreshold(rule *yaml.Node, limit float64) {
	if compared := comparison(rule); compared != nil {
		expr, span := field(rule, "expr"), compared.RHS.PositionRange()
		expr.Value = expr.Value[:span.Start] + strconv.FormatFloat(limit, 'f', -1, 64) + expr.Value[span.End:]
	}
}

// validateThresholds rejects thresholds of alerts or rules that have none, values that theirs
// cannot have, and a critical one that is reached before the warning.
func validateThresholds(path, name string, wanted map[string]config.Threshold, rules []*yaml.Node) config.Problems {
	var problems config.Problems
	if len(wanted) == 0 {
		return nil
	}
	unit, ok := thresholds[name]
	if !ok {
		problems.Addf(path, "%s has no threshold; allowed for: %s", name, strings.Join(slices.Sorted(maps.Keys(thresholds)), ", "))
		return problems
	}
	values, below := map[string]float64{}, false
	for _, rule := range rules {
		if limit, less, ok := threshold(rule); ok {
			values[severity(rule)] = limit
			below = less
		}
	}
	for _, severity := range slices.Sorted(maps.Keys(wanted)) {
		limit := wanted[severity]
		if _, ok := values[severity]; !ok {
			problems.Add(config.UnknownName(path+"."+severity, severity, slices.Sorted(maps.Keys(values))))
			continue
		}
		if !slices.Contains(unit.written, limit.Unit) || limit.Value > unit.high {
			problems.Addf(path+"."+severity, "%q; allowed: %s", limit, unit.allowed)
			continue
		}
		values[severity] = limit.Value
	}
	warning, one := values["warning"]
	critical, two := values["critical"]
	if len(problems) == 0 && one && two && (warning > critical && !below || warning < critical && below) {
		problems.Addf(path, "%s would be critical before it is a warning: warning %s, critical %s", name, format(unit, warning), format(unit, critical))
	}
	return problems
}

// format returns a threshold as it is written in a stack.
func format(u unit, value float64) string {
	switch {
	case slices.Contains(u.written, config.Percentage):
		return strconv.FormatFloat(value*100, 'f', -1, 64) + "%"
	case slices.Contains(u.written, config.Seconds):
		return config.Duration{Duration: time.Duration(value * float64(time.Second))}.String()
	}
	return strconv.FormatFloat(value, 'f', -1, 64)
}
