package config

import (
	"fmt"
	"maps"
	"slices"
	"strings"
)

// Checks configures the checks of the whole stack that run in every preview.
type Checks struct {
	// Checks whose findings are printed but do not fail a preview: name to reason.
	Waive map[string]string `json:"waive"`
}

func (c Checks) validate() Problems {
	var p Problems
	for _, name := range slices.Sorted(maps.Keys(c.Waive)) {
		if strings.TrimSpace(c.Waive[name]) == "" {
			p.Addf(fmt.Sprintf("checks.waive.%s", name), "gives no reason; say why the check's findings are accepted")
		}
	}
	return p
}
