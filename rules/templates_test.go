package rules

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/kubernetes-prometheus/kubernetes-prometheus/config"
)

// A template is expanded without labels and samples: an error is only what fails with any.
func TestTemplates(t *testing.T) {
	for text, want := range map[string]string{
		"is down":                          "",
		"{{ $labels.instance }}":           "",
		"{{ .Labels.instance }}":           "",
		"{{ $value | humanize }}":          "",
		"{{ $externalLabels.region }}":     "",
		`{{ query "up" | first | value }}`: "", // the query has no result here
		`{{ range query "up" }}{{ .Labels.job }} {{ .Value }}{{ end }}`: "",
		"{{ .Label.instance }}": ".Label.instance: no field Label; a template has .Labels, .ExternalLabels, .ExternalURL and .Value",
		"{{ .Values }}":         ".Values: no field Values; a template has .Labels, .ExternalLabels, .ExternalURL and .Value",
	} {
		if err := expand("Example", text); want == "" {
			assert.NoError(t, err, text)
		} else {
			assert.EqualError(t, err, want)
		}
	}
}

// Recording rules have no alert name, which an empty name must not match.
func TestEmptyAlertNamesAreUnknown(t *testing.T) {
	_, err := Render(Options{Overrides: map[string]config.AlertOverride{"": {Severity: "info"}}})
	require.ErrorContains(t, err, `alerting.overrides.: unknown ""`)
	_, err = Render(Options{Disabled: []string{""}})
	require.ErrorContains(t, err, `alerting.disabled[0]: unknown ""`)
}
