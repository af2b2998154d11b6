package config

import (
	"encoding/json"
	"os"
	"path/filepath"
	"regexp"
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

// TestRenovate checks that the custom managers of Renovate, which uses RE2 as Go does, find every
// pin that no built-in manager finds.
func TestRenovate(t *testing.T) {
	text, err := os.ReadFile("../renovate.json")
	require.NoError(t, err)
	var file struct {
		CustomManagers []customManager `json:"customManagers"`
	}
	require.NoError(t, json.Unmarshal(text, &file))
	found := map[string]map[string]string{} // dependency, version, file
	for _, manager := range file.CustomManagers {
		t.Run(manager.Description, func(t *testing.T) {
			assert.Equal(t, "regex", manager.CustomType)
			assert.NotEmpty(t, manager.DatasourceTemplate)
			_, err := regexp.Compile(manager.ExtractVersion)
			require.NoError(t, err)
			matches := manager.matches(t)
			assert.NotEmpty(t, matches)
			for _, m := range matches {
				if found[m.dependency] == nil {
					found[m.dependency] = map[string]string{}
				}
				found[m.dependency][m.version] = m.file
			}
		})
	}
	for image, pin := range pins {
		repository, tag := pin[:strings.LastIndex(pin, ":")], pin[strings.LastIndex(pin, ":")+1:]
		assert.Equal(t, map[string]string{tag: "config/images.go"}, found[repository], image)
	}
	assert.Len(t, found["pulumi/pulumi"], 1, "one version of the CLI in every workflow")
	assert.Len(t, found["kindest/node"], 4, "one node image for each supported Kubernetes")
}

// match is a version that a manager finds.
type match struct{ dependency, version, file string }

// matches returns the versions that a manager finds in the work tree.
func (m customManager) matches(t *testing.T) []match {
	t.Helper()
	candidates, err := filepath.Glob("../.github/workflows/*")
	require.NoError(t, err)
	candidates = append(candidates, "../config/images.go")
	var found []match
	for _, pattern := range m.ManagerFilePatterns {
		name, err := regexp.Compile(strings.Trim(pattern, "/"))
		require.NoError(t, err)
		for _, candidate := range candidates {
			file := strings.TrimPrefix(filepath.ToSlash(candidate), "../")
			if !name.MatchString(file) {
				continue
			}
			text, err := os.ReadFile(candidate)
			require.NoError(t, err)
			for _, matchString := range m.MatchStrings {
				expression, err := regexp.Compile(matchString)
				require.NoError(t, err)
				for _, groups := range expression.FindAllStringSubmatch(string(text), -1) {
					dependency := m.DepNameTemplate
					if n := expression.SubexpIndex("depName"); n > 0 {
						dependency = groups[n]
					}
					found = append(found, match{dependency, groups[expression.SubexpIndex("currentValue")], file})
				}
			}
		}
	}
	return found
}
