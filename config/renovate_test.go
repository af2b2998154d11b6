package config

import (
	"cmp"
	"encoding/json"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// customManager is a part of renovate.json that finds versions by regular
// expressions: https://docs.renovatebot.com/modules/manager/regex/
type customManager struct {
	Description         string   `json:"description"`
	CustomType          string   `json:"customType"`
	ManagerFilePatterns []string `json:"managerFilePatterns"`
	MatchStrings        []string `json:"matchStrings"`
	DatasourceTemplate  string   `json:"datasourceTemplate"`
	DepNameTemplate     string   `json:"depNameTemplate"`
	ExtractVersion      string   `json:"extractVersionTemplate"`
}

// stackFiles is the pattern of the files in which a stack may have images of its own.
const stackFiles = `/^Pulumi\.[^/]+\.yaml$/`

// TestRenovate checks that the custom managers of Renovate, which uses RE2 as Go does, find every
// pin that no built-in manager finds.
func TestRenovate(t *testing.T) {
	found := map[string]map[string]string{} // dependency, version, file
	for _, manager := range renovateManagers(t) {
		t.Run(manager.Description, func(t *testing.T) {
			assert.Equal(t, "regex", manager.CustomType)
			assert.NotEmpty(t, manager.DatasourceTemplate)
			_, err := regexp.Compile(manager.ExtractVersion)
			require.NoError(t, err)
			matches := manager.matches(t)
			if manager.ManagerFilePatterns[0] != stackFiles { // which need not have any
				assert.NotEmpty(t, matches)
			}
			for _, m := range matches {
				if found[m.dependency] == nil {
					found[m.dependency] = map[string]string{}
				}
				found[m.dependency][m.version] = m.file
			}
		})
	}
	for image, pin := range pins {
		tagged, _, _ := strings.Cut(pin, "@")
		colon := strings.LastIndex(tagged, ":")
		assert.Equal(t, map[string]string{tagged[colon+1:]: "config/images.go"}, found[tagged[:colon]], image)
	}
	assert.Len(t, found["pulumi/pulumi"], 1, "one version of the CLI in every workflow")
	assert.Len(t, found["kindest/node"], 4, "one node image for each supported Kubernetes")
}

// TestRenovateKeepsDigests checks that Renovate finds the digest beside a tag, and so updates both, in the
// table of images and in stack files.
func TestRenovateKeepsDigests(t *testing.T) {
	const digest = "sha256:0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"
	managers := renovateManagers(t)
	for file, line := range map[string]string{
		"config/images.go": `	PrometheusImage:       "quay.io/prometheus/prometheus:v3.16.0@` + digest + `",`,
		"Pulumi.prod.yaml": `      prometheus: quay.io/prometheus/prometheus:v3.16.0@` + digest,
		"Pulumi.eu.yaml":   `          image: "quay.io/prometheus/prometheus:v3.16.0@` + digest + `"`,
		"Pulumi.us.yaml":   `      overrides: {prometheus: 'quay.io/prometheus/prometheus:v3.16.0@` + digest + `'}`,
	} {
		var found []map[string]string
		for _, manager := range managers {
			found = append(found, manager.find(t, file, line)...)
		}
		assert.Equal(t, []map[string]string{{"depName": "quay.io/prometheus/prometheus", "currentValue": "v3.16.0", "currentDigest": digest}}, found, file)
	}
}

// TestPinsDoNotFloat checks that each image is pinned by the tag of one release: a tag such as 1.37 moves to
// later ones.
func TestPinsDoNotFloat(t *testing.T) {
	release := regexp.MustCompile(`^[a-z0-9.-]+\.[a-z]+(/[a-z0-9-]+)+:v?\d+\.\d+\.\d+(@sha256:[0-9a-f]{64})?$`)
	for image, pin := range pins {
		assert.Regexp(t, release, pin, image)
	}
}

// renovateManagers returns the custom managers in renovate.json.
func renovateManagers(t *testing.T) []customManager {
	t.Helper()
	text, err := os.ReadFile("../renovate.json")
	require.NoError(t, err)
	var file struct {
		CustomManagers []customManager `json:"customManagers"`
	}
	require.NoError(t, json.Unmarshal(text, &file))
	return file.CustomManagers
}

// match is a version that a manager finds.
type match struct{ dependency, version, file string }

// matches returns the versions that a manager finds in the work tree.
func (m customManager) matches(t *testing.T) []match {
	t.Helper()
	candidates, err := filepath.Glob("../.github/workflows/*")
	require.NoError(t, err)
	var found []match
	for _, candidate := range append(candidates, "../config/images.go") {
		text, err := os.ReadFile(candidate)
		require.NoError(t, err)
		file := strings.TrimPrefix(filepath.ToSlash(candidate), "../")
		for _, groups := range m.find(t, file, string(text)) {
			found = append(found, match{cmp.Or(groups["depName"], m.DepNameTemplate), groups["currentValue"], file})
		}
	}
	return found
}

// find returns the named groups of each match in a file, if the manager looks into it.
func (m customManager) find(t *testing.T, file, text string) []map[string]string {
	t.Helper()
	if !slices.ContainsFunc(m.ManagerFilePatterns, func(pattern string) bool {
		return regexp.MustCompile(strings.Trim(pattern, "/")).MatchString(file)
	}) {
		return nil
	}
	var found []map[string]string
	for _, matchString := range m.MatchStrings {
		expression, err := regexp.Compile(matchString)
		require.NoError(t, err)
		for _, values := range expression.FindAllStringSubmatch(text, -1) {
			groups := map[string]string{}
			for i, name := range expression.SubexpNames() {
				if name != "" {
					groups[name] = values[i]
				}
			}
			found = append(found, groups)
		}
	}
	return found
}
