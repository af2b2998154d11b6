// Package docs holds the documentation to the program: links and anchors lead somewhere, examples
// deploy, commands and settings exist, and every page renders on GitHub and as a site.
package docs

import (
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"os/exec"
	"path"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
	"unicode"

	"github.com/prometheus/prometheus/promql/parser"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.yaml.in/yaml/v3"
	corev1 "k8s.io/api/core/v1"
	kubernetesyaml "sigs.k8s.io/yaml"

	"github.com/kubernetes-prometheus/kubernetes-prometheus/check"
	"github.com/kubernetes-prometheus/kubernetes-prometheus/config"
	"github.com/kubernetes-prometheus/kubernetes-prometheus/dashboards"
	"github.com/kubernetes-prometheus/kubernetes-prometheus/histograms"
	"github.com/kubernetes-prometheus/kubernetes-prometheus/render"
)

const (
	root       = ".."
	repository = "https://github.com/kubernetes-prometheus/kubernetes-prometheus/blob/main/"
)

// page is one Markdown file.
type page struct {
	path   string   // in the repository
	lines  []string // of the file; lines of fences are empty
	fences []fence
}

// fence is one block of code.
type fence struct {
	line   int // of its opening, from 1
	indent string
	lang   string
	text   string
}

var fenceLine = regexp.MustCompile("^( *)(`{3,})(\\S*) *$")

// parse splits the text of a page into prose and fences.
func parse(path, text string) page {
	p := page{path: path}
	var open *fence
	var marker string
	for i, line := range strings.Split(text, "\n") {
		match := fenceLine.FindStringSubmatch(line)
		switch {
		case open == nil && match != nil:
			open, marker = &fence{line: i + 1, indent: match[1], lang: match[3]}, match[2]
		case open != nil && match != nil && match[2] == marker && match[3] == "":
			p.fences = append(p.fences, *open)
			open = nil
		case open != nil:
			open.text += strings.TrimPrefix(line, open.indent) + "\n"
		default:
			p.lines = append(p.lines, line)
			continue
		}
		p.lines = append(p.lines, "")
	}
	return p
}

// pages returns every page of the documentation.
func pages(t *testing.T) []page {
	t.Helper()
	files := []string{"README.md", "CHANGELOG.md", "CONTRIBUTING.md", "SECURITY.md", "localcluster/README.md", "dashboards/custom/README.md"}
	require.NoError(t, filepath.WalkDir(".", func(file string, _ fs.DirEntry, err error) error {
		if filepath.Ext(file) == ".md" {
			files = append(files, path.Join("docs", filepath.ToSlash(file)))
		}
		return err
	}))
	all := make([]page, len(files))
	for i, file := range files {
		all[i] = parse(file, read(t, file))
	}
	return all
}

// read returns the text of a file of the repository.
func read(t *testing.T, file string) string {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(root, file))
	require.NoError(t, err)
	return string(text)
}

// exists reports whether the repository has a file or directory.
func exists(file string) bool {
	_, err := os.Stat(filepath.Join(root, file))
	return err == nil
}

var (
	codeSpan = regexp.MustCompile("`[^`]+`")
	link     = regexp.MustCompile(`\]\(([^)\s]+)\)|^\[[^\]]+\]: (\S+)`)
	heading  = regexp.MustCompile(`^#{1,6} +(.+?) *$`)
	linkText = regexp.MustCompile(`\[([^\]]*)\]\([^)]*\)`)
)

// anchors returns the anchors of a page's headings, by the rules of GitHub and of Python-Markdown,
// with which MkDocs renders.
func (p page) anchors() (github, mkdocs map[string]bool) {
	github, mkdocs = map[string]bool{}, map[string]bool{}
	for _, line := range p.lines {
		match := heading.FindStringSubmatch(line)
		if match == nil {
			continue
		}
		title := strings.ReplaceAll(linkText.ReplaceAllString(match[1], "$1"), "`", "")
		words := strings.Map(func(r rune) rune {
			switch {
			case unicode.IsLetter(r), unicode.IsDigit(r), r == '-', r == '_':
				return unicode.ToLower(r)
			case r == ' ':
				return '-'
			}
			return -1
		}, title)
		add := func(anchors map[string]bool, anchor, separator string) {
			unique := anchor
			for n := 1; anchors[unique]; n++ {
				unique = fmt.Sprint(anchor, separator, n)
			}
			anchors[unique] = true
		}
		add(github, words, "-")
		add(mkdocs, regexp.MustCompile(`-+`).ReplaceAllString(words, "-"), "_")
	}
	return github, mkdocs
}

func TestLinks(t *testing.T) {
	all := pages(t)
	byPath := map[string]page{}
	for _, p := range all {
		byPath[p.path] = p
	}
	count := 0
	for _, p := range all {
		for i, line := range p.lines {
			for _, match := range link.FindAllStringSubmatch(codeSpan.ReplaceAllString(line, ""), -1) {
				target := match[1] + match[2]
				where := fmt.Sprintf("%s:%d: %s", p.path, i+1, target)
				file, anchor, _ := strings.Cut(target, "#")
				switch inside, ours := strings.CutPrefix(file, repository); {
				case ours:
					file = inside
				case strings.Contains(file, "://"):
					continue
				case file == "":
					file = p.path
				default:
					if !assert.False(t, path.IsAbs(file), where) {
						continue
					}
					file = path.Join(path.Dir(p.path), file)
					if strings.HasPrefix(p.path, "docs/") {
						assert.True(t, strings.HasPrefix(file, "docs/"), "%s: the site has no other folder than docs", where)
					}
				}
				count++
				if !assert.True(t, exists(file), "%s: there is no %s", where, file) || anchor == "" {
					continue
				}
				if to, ok := byPath[file]; ok {
					github, mkdocs := to.anchors()
					assert.True(t, github[anchor], "%s: %s has no such heading on GitHub", where, file)
					assert.True(t, mkdocs[anchor], "%s: %s has no such heading on the site", where, file)
				} else {
					assert.Fail(t, file, "%s: an anchor of a file that is not a page", where)
				}
			}
		}
	}
	assert.Greater(t, count, 50)
}

func TestNavigation(t *testing.T) {
	var site struct {
		Nav      any    `yaml:"nav"`
		NotInNav string `yaml:"not_in_nav"`
	}
	require.NoError(t, yaml.Unmarshal([]byte(read(t, "mkdocs.yml")), &site))
	var nav []string
	var collect func(any)
	collect = func(entry any) {
		switch entry := entry.(type) {
		case string:
			nav = append(nav, path.Join("docs", entry))
		case []any:
			for _, e := range entry {
				collect(e)
			}
		case map[string]any:
			for _, name := range slices.Sorted(maps.Keys(entry)) {
				collect(entry[name])
			}
		}
	}
	collect(site.Nav)
	require.Greater(t, len(nav), 10)
	for _, file := range nav {
		assert.True(t, exists(file), "mkdocs.yml: there is no %s", file)
	}
	for _, p := range pages(t) {
		if !strings.HasPrefix(p.path, "docs/") {
			continue
		}
		// A runbook is found by the index of runbooks.
		left := path.Dir(p.path) == "docs/runbooks" && path.Base(p.path) != "README.md"
		assert.Equal(t, !left, slices.Contains(nav, p.path), "mkdocs.yml: %s in nav", p.path)
	}
	assert.Equal(t, "/runbooks/*.md\n", site.NotInNav)
}

func TestReadmeIsShort(t *testing.T) {
	assert.LessOrEqual(t, strings.Count(read(t, "README.md"), "\n"), 300)
}

var listItem = regexp.MustCompile(`^ *([-*+]|\d+\.) `)

// GitHub and Python-Markdown differ in these.
func TestPagesRenderEverywhere(t *testing.T) {
	for _, p := range pages(t) {
		for _, f := range p.fences {
			assert.Empty(t, f.indent, "%s:%d: in a list, the site does not show a block of code", p.path, f.line)
			assert.NotEmpty(t, f.lang, "%s:%d: a block of code without its language", p.path, f.line)
		}
		inList := false
		for i, line := range p.lines {
			where := fmt.Sprintf("%s:%d", p.path, i+1)
			item := listItem.MatchString(line)
			if item && !inList && i > 0 {
				assert.Empty(t, p.lines[i-1], "%s: the site needs an empty line before a list", where)
			}
			inList = item || inList && strings.TrimSpace(line) != ""
			assert.NotRegexp(t, `^> \[!|^(!!!|\?\?\?|===) |^ *<details`, line, where)
		}
	}
}

// stackFile writes a stack's config, given as in the key config of its file, and returns its path.
func stackFile(t *testing.T, values map[string]any) string {
	t.Helper()
	text, err := yaml.Marshal(map[string]any{"config": values})
	require.NoError(t, err)
	file := filepath.Join(t.TempDir(), "Pulumi.example.yaml")
	require.NoError(t, os.WriteFile(file, text, 0o600))
	return file
}

// Every example deploys, given what every stack needs, and passes the checks without a warning.
func TestExamples(t *testing.T) {
	count := 0
	for _, p := range pages(t) {
		for _, f := range p.fences {
			if f.lang != "yaml" {
				continue
			}
			count++
			t.Run(fmt.Sprintf("%s:%d", p.path, f.line), func(t *testing.T) {
				var stack map[string]map[string]any
				require.NoError(t, yaml.Unmarshal([]byte(f.text), &stack))
				require.Equal(t, []string{"config"}, slices.Collect(maps.Keys(stack)), "not a stack file")
				values := stack["config"]
				set := func(key, name string, value any) {
					object, _ := values[config.Project+":"+key].(map[string]any)
					if object == nil {
						object = map[string]any{}
					}
					if _, ok := object[name]; !ok {
						object[name] = value
					}
					values[config.Project+":"+key] = object
				}
				set("cluster", "name", "example")
				set("alerting", "acknowledgeNoNotifications", true)
				cfg, err := config.FromFile(stackFile(t, values))
				require.NoError(t, err)
				rendered, err := render.New(cfg)
				require.NoError(t, err)
				assert.Empty(t, check.Run(rendered).Findings)
			})
		}
	}
	assert.Greater(t, count, 10)
}

// problemsAt returns what the decoder says about a key when it is set in a stack that has these
// values, which may be nil; nothing if it accepts the key.
func problemsAt(t *testing.T, values map[string]any, key string, value any) []string {
	t.Helper()
	parts := strings.Split(key, ".")
	if values == nil {
		values = map[string]any{}
	}
	if _, ok := values[config.Project+":cluster"]; !ok {
		values[config.Project+":cluster"] = map[string]any{"name": "example"}
	}
	object := values
	parts[0] = config.Project + ":" + parts[0]
	for _, part := range parts[:len(parts)-1] {
		next, ok := object[part].(map[string]any)
		if !ok {
			next = map[string]any{}
			object[part] = next
		}
		object = next
	}
	object[parts[len(parts)-1]] = value
	_, err := config.FromFile(stackFile(t, values))
	var problems config.Problems
	if err != nil && !errors.As(err, &problems) {
		return []string{err.Error()}
	}
	var found []string
	for _, problem := range problems {
		if problem.Path == key || strings.HasPrefix(problem.Path, key+".") || strings.HasPrefix(key, problem.Path+".") {
			found = append(found, problem.Error())
		}
	}
	return found
}

var setting = regexp.MustCompile(`^(cluster|images|storage|prometheus|longTermStorage|discovery|exporters|alerting|grafana|login|checks)(\.[a-zA-Z0-9-]+)+$`)

// Every setting that a page names exists.
func TestSettings(t *testing.T) {
	count := 0
	for _, p := range pages(t) {
		for i, line := range p.lines {
			for _, span := range codeSpan.FindAllString(line, -1) {
				key := strings.Trim(span, "`")
				if !setting.MatchString(key) || slices.Contains([]string{".ini", ".io", ".yml"}, path.Ext(key)) {
					continue
				}
				count++
				for _, problem := range problemsAt(t, nil, key, nil) {
					assert.NotContains(t, problem, ": unknown ", "%s:%d", p.path, i+1)
				}
			}
		}
	}
	assert.Greater(t, count, 50)
}

// Every path that a page names exists.
func TestPaths(t *testing.T) {
	repositoryPath := regexp.MustCompile(`^([A-Za-z0-9_-]+|\.github)/[A-Za-z0-9_./-]*$`)
	count := 0
	for _, p := range pages(t) {
		for i, line := range p.lines {
			for _, span := range codeSpan.FindAllString(line, -1) {
				file := strings.TrimSuffix(strings.Trim(span, "`"), "/")
				top, _, _ := strings.Cut(file, "/")
				if !repositoryPath.MatchString(file+"/") || !exists(top) || top == file && !strings.HasSuffix(span, "/`") {
					continue
				}
				count++
				assert.True(t, exists(file), "%s:%d: there is no %s", p.path, i+1, file)
			}
		}
	}
	assert.Greater(t, count, 30)
}

// commands returns the simple commands of a shell script, each as its words: enough of the language
// for the commands of these pages.
func commands(script string) [][]string {
	var all [][]string
	var words []string
	var word strings.Builder
	quoted, started := rune(0), false
	endWord := func() {
		if started {
			words = append(words, word.String())
		}
		word.Reset()
		started = false
	}
	endCommand := func() {
		endWord()
		if len(words) > 0 {
			all = append(all, words)
		}
		words = nil
	}
	text := []rune(script)
	var heredocs []string
	for i := 0; i < len(text); i++ {
		r := text[i]
		next := func(s string) bool { return strings.HasPrefix(string(text[i:min(len(text), i+len(s))]), s) }
		switch {
		case quoted != 0:
			if r == quoted {
				quoted = 0
			} else {
				word.WriteRune(r)
			}
		case r == '\'' || r == '"':
			quoted, started = r, true
		case next("\\\n"):
			i++
		case r == '#' && !started:
			for i+1 < len(text) && text[i+1] != '\n' {
				i++
			}
		case next("<<") && !started:
			end := i + 2
			for end < len(text) && !unicode.IsSpace(text[end]) {
				end++
			}
			heredocs = append(heredocs, strings.Trim(string(text[i+2:end]), `'"`))
			i = end - 1
		case r == '\n':
			endCommand()
			for _, delimiter := range heredocs {
				for i+1 < len(text) {
					end := i + 1
					for end < len(text) && text[end] != '\n' {
						end++
					}
					line := string(text[i+1 : end])
					i = end
					if line == delimiter {
						break
					}
				}
			}
			heredocs = nil
		case strings.ContainsRune(";|&()", r):
			endCommand()
		case next("$("):
			endCommand()
			i++
		case r == ' ' || r == '\t':
			endWord()
		default:
			word.WriteRune(r)
			started = true
		}
	}
	endCommand()
	return all
}

func TestCommandsAreSplit(t *testing.T) {
	assert.Equal(t, [][]string{
		{"make", "demo", "A=b c"}, {"pulumi", "up"}, {"kubectl", "apply", "-f", "-"}, {"pulumi", "config", "set", "$(openssl rand)"},
		{"x", "y", "z"}, {"pulumi", "stack", "output", "namespace"},
	}, commands("make demo 'A=b c' && pulumi up # not this\nkubectl apply -f - <<E\nmake nothing\nE\n"+
		"pulumi config set \"$(openssl rand)\"\nx y \\\n  z\n$(pulumi stack output namespace)  # then\n"))
}

// tools knows the commands of the repository.
type tools struct{ targets, variables, outputs, localcluster []string }

func newTools(t *testing.T) tools {
	t.Helper()
	submatches := func(pattern, text string) []string {
		var found []string
		for _, match := range regexp.MustCompile(pattern).FindAllStringSubmatch(text, -1) {
			found = append(found, match[1])
		}
		return found
	}
	makefile, local := read(t, "Makefile"), ""
	for _, pattern := range []string{"localcluster/*.go", "localcluster/cmd/localcluster/*.go"} {
		files, err := filepath.Glob(filepath.Join(root, pattern))
		require.NoError(t, err)
		for _, file := range files {
			text, err := os.ReadFile(file)
			require.NoError(t, err)
			local += string(text)
		}
	}
	found := tools{
		targets: submatches(`(?m)^([a-z0-9./-]+):`, makefile),
		// What make passes on to localcluster counts too.
		variables:    append(submatches(`\$\(([A-Z]+)\)|`, makefile), submatches(`os\.Getenv\("([A-Z]+)"\)`, local)...),
		outputs:      submatches(`ctx\.Export\("([A-Za-z]+)"`, read(t, "main.go")),
		localcluster: submatches(`case "([a-z]+)":`, local),
	}
	found.variables = append(found.variables, submatches(`\$\((?:or|origin|abspath) *(?:\$\()?([A-Z]+)`, makefile)...)
	require.NotEmpty(t, found.targets)
	require.NotEmpty(t, found.outputs)
	require.NotEmpty(t, found.localcluster)
	return found
}

// pulumiCommands are the commands of the Pulumi CLI that pages use.
var pulumiCommands = []string{
	"cancel", "config set", "destroy", "login", "preview", "refresh", "stack export", "stack import", "stack init", "stack output",
	"stack rm", "state unprotect", "up", "version",
}

var assignment = regexp.MustCompile(`^[A-Z_]+=`)

// problem returns what is wrong with a command for a stack with these values, which may be nil;
// nothing if the command is right, or not one of those that k knows.
func (k tools) problem(t *testing.T, stack map[string]any, words []string) string {
	t.Helper()
	for len(words) > 0 && assignment.MatchString(words[0]) {
		words = words[1:]
	}
	if len(words) == 0 {
		return ""
	}
	program, args := words[0], words[1:]
	binary, isBinary := strings.CutPrefix(program, ".local/bin/")
	switch {
	case program == "make":
		for _, arg := range args {
			name, _, variable := strings.Cut(arg, "=")
			switch {
			case strings.HasPrefix(arg, "-"):
			case variable && !slices.Contains(k.variables, name):
				return "the Makefile has no variable " + name
			case !variable && !slices.Contains(k.targets, arg):
				return "the Makefile has no target " + arg
			}
		}
	case program == "pulumi":
		return k.pulumiProblem(t, stack, args)
	case isBinary && binary == "localcluster":
		if len(args) > 0 && !slices.Contains(k.localcluster, args[0]) {
			return "localcluster has no command " + args[0]
		}
		if len(args) > 1 && args[0] == "pulumi" {
			return k.pulumiProblem(t, stack, args[1:])
		}
	case isBinary:
		source := "cmd/" + binary + "/main.go"
		if !exists(source) {
			return "there is no " + source
		}
		for _, arg := range args {
			if name, flag := strings.CutPrefix(arg, "-"); flag && !strings.Contains(read(t, source), `("`+name+`"`) {
				return binary + " has no flag " + arg
			}
		}
	case strings.Contains(program, "/") && !strings.HasPrefix(program, "$"):
		if !exists(program) {
			return "there is no " + program
		}
	}
	return ""
}

func (k tools) pulumiProblem(t *testing.T, stack map[string]any, args []string) string {
	t.Helper()
	var names, flags []string
	for _, arg := range args {
		if strings.HasPrefix(arg, "-") {
			flags = append(flags, arg)
		} else {
			names = append(names, arg)
		}
	}
	known := slices.IndexFunc(pulumiCommands, func(command string) bool {
		return command == strings.Join(names[:min(len(names), 1+strings.Count(command, " "))], " ")
	})
	if known < 0 {
		return fmt.Sprintf("no page uses pulumi %s yet; add it to pulumiCommands", strings.Join(names, " "))
	}
	switch pulumiCommands[known] {
	case "stack output":
		if len(names) > 2 && !slices.Contains(k.outputs, names[2]) {
			return "main.go exports no " + names[2]
		}
	case "config set":
		if len(names) < 3 {
			return "no key"
		}
		if !slices.Contains(flags, "--path") {
			return "without --path the key is a name with dots"
		}
		if len(names) != 4 {
			return "not one value"
		}
		var value any = names[3]
		if n, err := strconv.Atoi(names[3]); err == nil {
			value = n
		} else if b, err := strconv.ParseBool(names[3]); err == nil {
			value = b
		}
		if slices.Contains(flags, "--secret") {
			value = map[string]any{"secure": "v1:encrypted"}
		}
		return strings.Join(problemsAt(t, stack, strings.TrimPrefix(names[2], config.Project+":"), value), "; ")
	}
	return ""
}

// Every command of a block exists: by itself, in a comment of an example, and in the text.
func TestCommands(t *testing.T) {
	bash, err := exec.LookPath("bash")
	require.NoError(t, err)
	known := newTools(t)
	counts := map[string]int{}
	for _, p := range pages(t) {
		try := func(line int, stack map[string]any, words []string) {
			counts[words[0]]++
			assert.Empty(t, known.problem(t, stack, words), "%s:%d: %s", p.path, line, strings.Join(words, " "))
		}
		for _, f := range p.fences {
			switch f.lang {
			case "bash", "sh", "shell", "console":
				assert.Equal(t, "sh", f.lang, "%s:%d: the language is called sh", p.path, f.line)
				if path.Dir(p.path) != "docs/runbooks" { // which has a test of its own
					command := exec.CommandContext(t.Context(), bash, "-n")
					command.Stdin = strings.NewReader(f.text)
					out, err := command.CombinedOutput()
					assert.NoError(t, err, "%s:%d: %s", p.path, f.line, out)
					assert.Empty(t, string(out), "%s:%d", p.path, f.line) // a warning, such as of a here-document without its end
				}
				for _, words := range commands(f.text) {
					try(f.line, nil, words)
				}
			case "yaml":
				for line := range strings.Lines(f.text) {
					if _, command, found := strings.Cut(line, "# pulumi "); found {
						var stack map[string]map[string]any
						require.NoError(t, yaml.Unmarshal([]byte(f.text), &stack))
						try(f.line, stack["config"], append([]string{"pulumi"}, strings.Fields(command)...))
					}
				}
			}
		}
		for i, line := range p.lines {
			for _, span := range codeSpan.FindAllString(line, -1) {
				text := strings.Trim(span, "`")
				if words := strings.Fields(text); len(words) > 1 && (words[0] == "make" || words[0] == "cmd/run" || strings.HasPrefix(words[0], ".local/bin/")) {
					try(i+1, nil, words)
				}
			}
		}
	}
	for _, program := range []string{"make", "pulumi", "kubectl", "git"} {
		assert.Greater(t, counts[program], 5, program)
	}
}

func TestQueriesParse(t *testing.T) {
	for _, p := range pages(t) {
		for _, f := range p.fences {
			if f.lang != "promql" || path.Dir(p.path) == "docs/runbooks" { // which has a test of its own
				continue
			}
			for query := range strings.Lines(f.text) {
				_, err := parser.NewParser(parser.Options{}).ParseExpr(query)
				assert.NoError(t, err, "%s:%d", p.path, f.line)
			}
		}
	}
}

var hereDocument = regexp.MustCompile(`(?s)<<([A-Z]+)\n(.*)`)

// Pods that a page has people create are accepted by the API server, and by a namespace that
// enforces the Pod Security Standard restricted.
func TestPods(t *testing.T) {
	count := 0
	for _, p := range pages(t) {
		for _, f := range p.fences {
			match := hereDocument.FindStringSubmatch(f.text)
			if f.lang != "sh" || match == nil {
				continue
			}
			variables := map[string]string{}
			for _, command := range commands(f.text) {
				for _, word := range command {
					if name, value, found := strings.Cut(word, "="); found {
						variables[name] = value
					}
				}
			}
			manifest, _, found := strings.Cut(match[2], "\n"+match[1]+"\n")
			require.True(t, found)
			manifest = os.Expand(manifest, func(name string) string { return variables[name] })
			if !strings.Contains(manifest, "kind: Pod\n") {
				continue
			}
			count++
			where := fmt.Sprintf("%s:%d", p.path, f.line)
			var pod corev1.Pod
			require.NoError(t, kubernetesyaml.UnmarshalStrict([]byte(manifest), &pod), where)
			security := pod.Spec.SecurityContext
			require.NotNil(t, security, where)
			assert.True(t, *security.RunAsNonRoot, where)
			assert.Positive(t, *security.RunAsUser, where)
			assert.Equal(t, corev1.SeccompProfileTypeRuntimeDefault, security.SeccompProfile.Type, where)
			for _, c := range pod.Spec.Containers {
				assert.Equal(t, config.Images{}.Ref(config.BusyboxImage), c.Image, where)
				assert.False(t, *c.SecurityContext.AllowPrivilegeEscalation, where)
				assert.Equal(t, []corev1.Capability{"ALL"}, c.SecurityContext.Capabilities.Drop, where)
			}
			assert.Regexp(t, "^data-(prometheus|alertmanager|grafana)-0$", pod.Spec.Volumes[0].PersistentVolumeClaim.ClaimName, where)
		}
	}
	assert.Equal(t, 1, count)
}

func TestOutputsAreDocumented(t *testing.T) {
	architecture := read(t, "docs/architecture.md")
	for _, output := range newTools(t).outputs {
		assert.Contains(t, architecture, "`"+output+"`")
	}
}

func TestChecksAreDocumented(t *testing.T) {
	var documented []string
	for _, row := range regexp.MustCompile("(?m)^\\| `([a-z-]+)` \\|").FindAllStringSubmatch(read(t, "docs/checks.md"), -1) {
		documented = append(documented, row[1])
	}
	for _, c := range check.Checks {
		assert.Contains(t, documented, c.Name)
	}
	assert.Len(t, documented, len(check.Checks))
}

// The table of dashboards names every shipped one and its folder, and no other.
func TestDashboardsAreDocumented(t *testing.T) {
	all, err := dashboards.Shipped()
	require.NoError(t, err)
	var want, got []string
	for _, d := range all {
		want = append(want, d.Title+" in "+d.Folder.Title)
	}
	for _, row := range regexp.MustCompile(`(?m)^\| ([^|*]+) \| \*(\w+)\* \|`).FindAllStringSubmatch(read(t, "docs/grafana.md"), -1) {
		got = append(got, row[1]+" in "+row[2])
	}
	assert.ElementsMatch(t, want, got)
}

// The table of expressions on classic and native histograms has the translations that the checks
// print.
func TestHistogramExpressions(t *testing.T) {
	translator := histograms.New(func(string, *parser.VectorSelector) (native, classic []string) { return []string{"a"}, nil })
	expressions := parser.NewParser(parser.Options{})
	row := regexp.MustCompile("(?m)^\\| `(.+)`.* \\| `(.+)` \\|$")
	_, section, _ := strings.Cut(read(t, "docs/scraping.md"), "\n## Histograms\n")
	section, _, _ = strings.Cut(section, "\n## ")
	rows := row.FindAllStringSubmatch(section, -1)
	require.GreaterOrEqual(t, len(rows), 7)
	for _, match := range rows {
		classic, err := expressions.ParseExpr(match[1])
		require.NoError(t, err)
		native, _, err := translator.Translate(classic)
		require.NoError(t, err)
		assert.Equal(t, match[2], native.String())
	}
}
