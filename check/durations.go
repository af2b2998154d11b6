package check

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/prometheus/common/model"
	"github.com/prometheus/prometheus/model/rulefmt"
	"github.com/prometheus/prometheus/promql/parser"

	"github.com/kubernetes-prometheus/kubernetes-prometheus/config"
)

// ruleGroup is a group of rules with their parsed expressions.
type ruleGroup struct {
	*rulefmt.RuleGroup
	path    string // as Query.Path, without the rule
	own     bool
	queries []query // of the rules, in their order
}

// groups returns every rule group, in the order of the files.
func (a *Analysis) groups() []ruleGroup {
	var all []ruleGroup
	next := 0 // index of the next group's first query
	for _, file := range a.Rules {
		for i := range file.Groups {
			group := &file.Groups[i]
			queries := a.Queries[next : next+len(group.Rules)]
			next += len(group.Rules)
			if len(queries) == 0 {
				continue
			}
			path := strings.TrimSuffix(queries[0].Path, "/"+queries[0].Rule.Alert+queries[0].Rule.Record)
			all = append(all, ruleGroup{group, path, file.Own, queries})
		}
	}
	return all
}

// every returns how often a group is evaluated.
func (a *Analysis) every(group ruleGroup) time.Duration {
	if group.Interval > 0 {
		return time.Duration(group.Interval)
	}
	return a.Config.Prometheus.EvaluationInterval.Duration
}

// reach is how far back from the time of an evaluation a selector looks.
type reach struct {
	newest, oldest time.Duration // ages of the newest and the oldest sample that it may see
}

// reachOf returns how far back a selector looks, with the offsets and ranges of subqueries around it;
// false with a fixed time (@) on the way. path leads from the expression to the selector.
func reachOf(selector *parser.VectorSelector, path []parser.Node) (reach, bool) {
	if selector.Timestamp != nil {
		return reach{}, false
	}
	r := reach{selector.OriginalOffset, selector.OriginalOffset}
	for _, node := range path {
		switch n := node.(type) {
		case *parser.MatrixSelector:
			r.oldest += n.Range
		case *parser.SubqueryExpr:
			if n.Timestamp != nil {
				return reach{}, false
			}
			r.newest += n.OriginalOffset
			r.oldest += n.OriginalOffset + n.Range
		}
	}
	return r, true
}

// rangeRetained finds ranges and offsets beyond the retention: an error if not even the newest sample
// is left. Blocks outlive the retention by up to a tenth of it:
// https://prometheus.io/docs/prometheus/latest/storage/#compaction
//
// Shipped rules are one finding about the retention. Panels may be about the time range of the
// dashboard, such as $__range, so that only longer ranges than the usual ones count.
func rangeRetained(a *Analysis) []Finding {
	const panelRange = 6 * time.Hour
	ofServer, ofQuerier := serverRetention(a.Config), querierRetention(a.Config)
	var findings []Finding
	shipped, longest := []string{}, time.Duration(0)
	for i := range a.Queries {
		q := &a.Queries[i]
		if q.Panel && !q.Own {
			continue
		}
		kept := ofServer
		if q.Panel || q.Ruler {
			kept = ofQuerier
		}
		if kept.forever {
			continue
		}
		parser.Inspect(q.Expr, func(node parser.Node, path []parser.Node) error {
			selector, ok := node.(*parser.VectorSelector)
			if !ok {
				return nil
			}
			r, ok := reachOf(selector, path)
			retention := kept.Duration.Duration
			if !ok || r.oldest <= retention+retention/50 || q.Panel && r.oldest <= panelRange {
				return nil
			}
			if !q.Own {
				shipped, longest = append(shipped, q.Rule.Alert+q.Rule.Record), max(longest, r.oldest)
				return nil
			}
			u := use{query: q, optional: isOptional(path, selector)}
			gone := r.newest > retention+retention/10
			what := fmt.Sprintf("looks back %s, but samples are kept for %s, so that it sees only the end of that", model.Duration(r.oldest), model.Duration(retention))
			if gone {
				what = fmt.Sprintf("looks at samples of %s ago and before, but they are kept for %s, so that it sees none", model.Duration(r.newest), model.Duration(retention))
			}
			p := problem{message: fmt.Sprintf("%s %s; shorten the range or offset, or raise %s", selector, what, kept.path), certain: gone}
			findings = append(findings, p.findings(u)...)
			return nil
		})
	}
	if len(shipped) > 0 {
		slices.Sort(shipped)
		findings = append(findings, Finding{Path: "prometheus.retention", Severity: Warning, Message: fmt.Sprintf(
			"%s is shorter than the time that shipped rules look back, which is up to %s: %s; they see only the end of that",
			ofServer.Duration, model.Duration(longest), abbreviated(slices.Compact(shipped)))})
	}
	return findings
}

// kept is how long samples are kept, by which setting.
type kept struct {
	config.Duration
	forever bool
	path    string
}

func serverRetention(cfg *config.Config) kept {
	return kept{cfg.Prometheus.Retention, false, "prometheus.retention"}
}

// querierRetention returns how long the samples that panels and the ruler see are kept: in the object
// store, if there is one.
func querierRetention(cfg *config.Config) kept {
	if !cfg.LongTermStorage.Enabled {
		return serverRetention(cfg)
	}
	longest := cfg.LongTermStorage.Retention.Longest()
	return kept{config.Duration{Duration: longest}, longest == 0, "longTermStorage.retention"}
}

// defaultLookback is how old the newest sample of a series may be for an instant selector to see it,
// unless the flag query.lookback-delta says otherwise:
// https://prometheus.io/docs/prometheus/latest/querying/basics/#staleness
const defaultLookback = 5 * time.Minute

// lookback returns for how long an instant selector sees a sample.
func lookback(cfg *config.Config) time.Duration {
	var d config.Duration
	if err := d.UnmarshalText([]byte(cfg.Prometheus.ExtraArgs["query.lookback-delta"])); err != nil || d.Duration <= 0 {
		return defaultLookback
	}
	return d.Duration
}

// seriesFresh finds jobs and groups of recording rules that write samples so seldom that series are
// stale in between. That is an error for a job of this program, whose alerts select its latest
// samples.
func seriesFresh(a *Analysis) []Finding {
	const why = "%s is longer than the %s for which a sample is seen: in between, queries find no series and alerts resolve; %s"
	stale := lookback(a.Config)
	var findings []Finding
	if every := a.Config.Prometheus.ScrapeInterval.Duration; every > stale {
		findings = append(findings, Finding{Path: "prometheus.scrapeInterval", Severity: Error,
			Message: fmt.Sprintf(why, model.Duration(every), model.Duration(stale), "allowed: up to "+model.Duration(stale).String())})
	}
	for _, name := range config.Jobs {
		own := a.Config.Discovery.Jobs[name].ScrapeInterval
		if own != nil && own.Duration > stale && a.Config.Enabled(name) {
			findings = append(findings, Finding{Path: "discovery.jobs." + string(name) + ".scrapeInterval", Severity: Error,
				Message: fmt.Sprintf(why, own, model.Duration(stale), "allowed: up to "+model.Duration(stale).String())})
		}
	}
	for i, extra := range a.Config.Discovery.ExtraScrapeConfigs {
		if extra["scrape_interval"] == nil {
			continue
		}
		j := slices.IndexFunc(a.jobs, func(j *job) bool { return j.name == extra["job_name"] })
		if j >= 0 && a.jobs[j].interval > stale {
			findings = append(findings, Finding{Path: fmt.Sprintf("discovery.extraScrapeConfigs[%d].scrape_interval", i), Severity: Warning,
				Message: fmt.Sprintf(why, model.Duration(a.jobs[j].interval), model.Duration(stale), "scrape more often, or read its series with last_over_time")})
		}
	}
	slow := a.Config.Prometheus.EvaluationInterval.Duration > stale
	for _, group := range a.groups() {
		records := slices.ContainsFunc(group.queries, func(q query) bool { return q.Rule.Record != "" })
		switch every := a.every(group); {
		case !records || every <= stale:
		case group.Interval > 0:
			findings = append(findings, Finding{Path: group.path, Severity: Warning,
				Message: fmt.Sprintf("its interval of "+why, model.Duration(every), model.Duration(stale), "evaluate it more often, or read what it records with last_over_time")})
		case slow:
			findings = append(findings, Finding{Path: "prometheus.evaluationInterval", Severity: Warning,
				Message: fmt.Sprintf(why, model.Duration(every), model.Duration(stale), "recorded series are evaluated no more often; allowed: up to "+model.Duration(stale).String())})
			slow = false
		}
	}
	return findings
}

// forEvaluated finds alerts whose for or keep_firing_for ends before the next evaluation, and so
// lasts as long as that takes.
func forEvaluated(a *Analysis) []Finding {
	var findings []Finding
	var shipped []string // alerts that are evaluated too seldom for their for
	for _, group := range a.groups() {
		every := a.every(group)
		for _, q := range group.queries {
			for _, d := range []struct {
				name  string
				value model.Duration
			}{{"for", q.Rule.For}, {"keep_firing_for", q.Rule.KeepFiringFor}} {
				if d.value <= 0 || time.Duration(d.value) >= every {
					continue
				}
				path := q.Path
				if !group.own {
					override := a.Config.Alerting.Overrides[q.Rule.Alert]
					if override.For == nil || d.name != "for" {
						shipped = append(shipped, q.Rule.Alert)
						continue
					}
					path = "alerting.overrides." + q.Rule.Alert + ".for"
				}
				findings = append(findings, Finding{Path: path, Severity: Warning, Message: fmt.Sprintf(
					"%s: %s is shorter than the %s between evaluations, so that it lasts as long as those; allowed: 0s, or %s and more", d.name, d.value, model.Duration(every), model.Duration(every))})
			}
		}
	}
	if len(shipped) > 0 {
		slices.Sort(shipped)
		shipped = slices.Compact(shipped)
		findings = append(findings, Finding{Path: "prometheus.evaluationInterval", Severity: Warning, Message: fmt.Sprintf(
			"%s is longer than alerts must hold before they fire: %s; evaluate more often, or set their alerting.overrides.<alert>.for",
			a.Config.Prometheus.EvaluationInterval, abbreviated(shipped))})
	}
	return findings
}
