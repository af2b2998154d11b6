package rules

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/kubernetes-prometheus/kubernetes-prometheus/config"
)

// A template is expanded without the labels and samples of a server: only what
// none of these could have is a mistake.
func TestTemplates(t *testing.T) {
	for text, refusal := range map[string]string{
		"is down":                          "",
		"{{ $labels.instance }}":           "",
		"{{ .Labels.instance }}":           "",
		"{{ $value | humanize }}":          "",
		"{{ $externalLabels.region }}":     "",
		`{{ query "up" | first | value }}`: "", // of no result here
		`{{ range query "up" }}{{ .Labels.job }} {{ .Value }}{{ end }}`: "",
		"{{ .Label.instance }}": ".Label.instance: no field Label; a template has .Labels, .ExternalLabels, .ExternalURL and .Value",
		"{{ .Values }}":         ".Values: no field Values; a template has .Labels, .ExternalLabels, .ExternalURL and .Value",
	} {
		if err := expand("Example", text); refusal == "" {
			assert.NoError(t, err, text)
		} else {
			assert.EqualError(t, err, refusal)
		}
	}
}

// Rules that record have no name of an alert.
func TestNothingIsAboutAlertsWithoutName(t *testing.T) {
	_, err := Render(Options{Overrides: map[string]config.AlertOverride{"": {Severity: "info"}}})
	require.ErrorContains(t, err, `alerting.overrides.: unknown ""`)
	_, err = Render(Options{Disabled: []string{""}})
	require.ErrorContains(t, err, `alerting.disabled[0]: unknown ""`)
}
