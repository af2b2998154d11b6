package review

import (
	"fmt"
	"regexp"
	"strings"
)

// Report describes what a change does to a running stack.
type Report struct {
	Stack string
	// Blockers, in Markdown, are changes that lose data or every object.
	Blockers []string
	Sections []Section
}

// Section lists the changes of one kind of thing, such as alerts.
type Section struct {
	Title   string
	Changes []Change
}

// Change is one thing that differs between the versions.
type Change struct {
	Verb    string // added, removed, changed, ...
	What    string // Markdown
	Details []Detail
}

// Detail is one difference: a line of Markdown, or a block of text in a language.
type Detail struct {
	Text  string
	Lang  string
	Block string
}

// Markdown returns the report as a comment on a pull request. It names alerts and
// other things exactly as their files do.
func (r Report) Markdown() string {
	var out strings.Builder
	fmt.Fprintf(&out, "## What changes in `%s`\n", r.Stack)
	if len(r.Blockers) > 0 {
		fmt.Fprintf(&out, "\n> [!CAUTION]\n> **Blocker:** %s\n", strings.Join(r.Blockers, "\n>\n> **Blocker:** "))
	}
	empty := len(r.Blockers) == 0
	for _, section := range r.Sections {
		if len(section.Changes) == 0 {
			continue
		}
		empty = false
		fmt.Fprintf(&out, "\n### %s\n\n", section.Title)
		for _, change := range section.Changes {
			change.write(&out)
		}
	}
	if empty {
		out.WriteString("\nNothing.\n")
	}
	return blankLines.ReplaceAllString(strings.TrimRight(out.String(), "\n"), "\n\n") + "\n"
}

var blankLines = regexp.MustCompile(`\n{3,}`)

func (c Change) write(out *strings.Builder) {
	fmt.Fprintf(out, "- **%s** %s\n", c.Verb, c.What)
	for _, d := range c.Details {
		if d.Text != "" {
			fmt.Fprintf(out, "  - %s\n", d.Text)
		}
		if d.Block == "" {
			continue
		}
		indent := "    "
		fence := "```"
		for strings.Contains(d.Block, fence) {
			fence += "`"
		}
		fmt.Fprintf(out, "\n%s%s%s\n", indent, fence, d.Lang)
		for line := range strings.Lines(strings.TrimRight(d.Block, "\n") + "\n") {
			out.WriteString(strings.TrimRight(indent+line, " \n") + "\n")
		}
		fmt.Fprintf(out, "%s%s\n\n", indent, fence)
	}
}

// code returns text as a code span, in which Markdown has no special characters.
func code(text string) string {
	fence := "`"
	for strings.Contains(text, fence) {
		fence += "`"
	}
	if len(fence) > 1 {
		return fence + " " + text + " " + fence
	}
	return fence + text + fence
}

// changedValue returns a line that names a value before and after; empty is "none".
func changedValue(name, before, after string) Detail {
	show := func(value string) string {
		if value == "" {
			return "none"
		}
		return code(value)
	}
	return Detail{Text: fmt.Sprintf("%s: %s → %s", name, show(before), show(after))}
}
