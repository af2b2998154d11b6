package main

import (
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strings"
)

// symptom matches the line of a runbook that says what a person sees, and what is behind it:
// "Symptom: A disk fills up; a volume has little space left". A page has one or more.
var symptom = regexp.MustCompile(`(?m)^Symptom: ([^;\n]+); (.+)$`)

// firstSymptom is the heading of the runbooks' index after which every heading is a symptom.
const firstSymptom = "\n## Pods do not start\n"

// writeRunbooks writes the index of runbooks: under each heading that is a symptom, the pages
// that name it. Symptoms are added, and ordered, by their headings in the index.
func writeRunbooks(old []byte, src source) ([]byte, error) {
	pages, err := filepath.Glob(filepath.Join(src.root, "docs", "runbooks", "*.md"))
	if err != nil {
		return nil, err
	}
	items := map[string][]string{} // by symptom
	for _, page := range pages {
		text, err := os.ReadFile(page)
		if err != nil {
			return nil, err
		}
		file := filepath.Base(page)
		found := symptom.FindAllStringSubmatch(string(text), -1)
		if len(found) == 0 && file != "README.md" {
			return nil, fmt.Errorf("%s has no line such as: Symptom: A disk fills up; a volume has little space left", file)
		}
		for _, match := range found {
			items[match[1]] = append(items[match[1]], fmt.Sprintf("- [%s](%s): %s\n", strings.TrimSuffix(file, ".md"), file, match[2]))
		}
	}
	introduction, headings, ok := strings.Cut(string(old), firstSymptom)
	if !ok {
		return nil, fmt.Errorf("no heading %q", strings.TrimSpace(firstSymptom))
	}
	var b strings.Builder
	b.WriteString(introduction)
	for line := range strings.Lines(firstSymptom + headings) {
		name, ok := strings.CutPrefix(line, "## ")
		if !ok {
			continue
		}
		name = strings.TrimSpace(name)
		fmt.Fprintf(&b, "\n## %s\n\n%s", name, strings.Join(items[name], ""))
		delete(items, name)
	}
	for name := range items {
		return nil, fmt.Errorf("a runbook names the symptom %q, which is not a heading; add it where it belongs", name)
	}
	return []byte(b.String()), nil
}
