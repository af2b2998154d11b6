// Package check finds what would break on a cluster from the stack's config alone: expressions
// that can never match, alerts that reach nobody, sizes that do not fit. It needs neither the
// cluster nor Pulumi, so `pulumi preview` and `make check` report the same within a second.
//
// Package config rejects what is wrong with a single value, and package render what an upstream
// parser rejects in a single file. This package finds what shows only in the whole stack.
package check

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/kubernetes-prometheus/kubernetes-prometheus/config"
	"github.com/kubernetes-prometheus/kubernetes-prometheus/render"
)

// Severity determines whether a finding stops a preview.
type Severity string

// The severities of findings.
const (
	Error   Severity = "error"   // the stack cannot work, so the preview stops
	Warning Severity = "warning" // the stack works, but worse than it seems
)

// Finding is one problem that a check found.
type Finding struct {
	Check    string // name of the check
	Path     string // config path, rules/file/group/rule or dashboards/uid/place
	Message  string // what is wrong, with numbers, and how to fix it
	Severity Severity
	// Final marks an error that no waiver accepts.
	Final bool
}

// String returns the finding as `make check` prints it.
func (f Finding) String() string {
	return fmt.Sprintf("%s: %s: %s (%s)", f.Severity, f.Path, f.Message, f.Check)
}

// Check is one check of a stack.
type Check struct {
	Name string // in kebab case; must not change, because stacks waive checks by name
	Doc  string // what the check requires, in one sentence

	run func(*Analysis) []Finding
}

// Waiver is a check that a stack waives, with the findings that do not count.
type Waiver struct {
	Check    string // name of the check
	Reason   string // as the stack gives it
	Findings []Finding
}

// Report holds what all checks found in one stack.
type Report struct {
	Findings []Finding // sorted: errors first, then by path
	Waived   []Waiver  // sorted by check
}

// Run analyses a rendered stack and runs every check on it.
func Run(s *render.Stack) Report { return Analyse(s).Check() }

// waivers is the check name of findings about waivers themselves, which cannot be waived.
const waivers = "waivers"

// Check runs every check on the analysed stack.
func (a *Analysis) Check() Report {
	var report Report
	waived := map[string]*Waiver{}
	for _, name := range slices.Sorted(maps.Keys(a.Config.Checks.Waive)) {
		waived[name] = &Waiver{Check: name, Reason: a.Config.Checks.Waive[name]}
	}
	known := make([]string, len(Checks))
	for i, check := range Checks {
		known[i] = check.Name
		findings := check.run(a)
		for j := range findings {
			findings[j].Check = check.Name
		}
		waiver, ok := waived[check.Name]
		for _, finding := range findings {
			if ok && !finding.Final {
				waiver.Findings = append(waiver.Findings, finding)
			} else {
				report.Findings = append(report.Findings, finding)
			}
		}
	}
	for _, name := range slices.Sorted(maps.Keys(waived)) {
		path, waiver := "checks.waive."+name, waived[name]
		problem := ""
		switch {
		case !slices.Contains(known, name):
			problem = config.UnknownName(path, name, known).Message
		case len(waiver.Findings) == 0:
			problem = "finds nothing in this stack; remove the waiver"
		default:
			waiver.Findings = sorted(waiver.Findings)
			report.Waived = append(report.Waived, *waiver)
			continue
		}
		report.Findings = append(report.Findings, Finding{Check: waivers, Path: path, Message: problem, Severity: Error})
	}
	report.Findings = sorted(report.Findings)
	return report
}

// sorted sorts findings, errors first, and removes duplicates.
func sorted(findings []Finding) []Finding {
	slices.SortFunc(findings, func(a, b Finding) int {
		return cmp.Or(cmp.Compare(a.Severity, b.Severity), cmp.Compare(a.Path, b.Path), cmp.Compare(a.Check, b.Check), cmp.Compare(a.Message, b.Message))
	})
	return slices.Compact(findings)
}

// Warnings returns one line for each finding that does not stop a preview: warnings, and the
// findings of waived checks with the reason.
func (r Report) Warnings() []string {
	var warnings []string
	for _, finding := range r.Findings {
		if finding.Severity != Error {
			warnings = append(warnings, finding.String())
		}
	}
	for _, waiver := range r.Waived {
		for _, finding := range waiver.Findings {
			warnings = append(warnings, fmt.Sprintf("waived: %s: %s (%s: %s)", finding.Path, finding.Message, waiver.Check, waiver.Reason))
		}
	}
	return warnings
}

// Err returns the findings that stop a preview as one error, nil if there are none.
func (r Report) Err() error {
	var lines []string
	for _, finding := range r.Findings {
		if finding.Severity == Error {
			lines = append(lines, fmt.Sprintf("  %s: %s (%s)", finding.Path, finding.Message, finding.Check))
		}
	}
	if len(lines) == 0 {
		return nil
	}
	return fmt.Errorf("%d problem(s) in the stack, each with the name of its check:\n%s", len(lines), strings.Join(lines, "\n"))
}
