package render

import (
	"fmt"
	"maps"
	"net/url"
	"slices"
	"strings"

	"go.yaml.in/yaml/v3"

	"github.com/kubernetes-prometheus/kubernetes-prometheus/config"
)

// secretFiles is the directory where a program finds its secrets.
type secretFiles struct {
	dir   string
	path  string   // of the config that has them, such as alerting.secrets
	names []string // sorted
}

// check rejects, in a native value at path, secrets in plain text and files for which the
// stack has no secret. loaded is the same value as read by upstream's own loader, whose types
// mask what is secret.
func (s secretFiles) check(path string, native, loaded any) config.Problems {
	var problems config.Problems
	walk(path, native, func(path, key, value string) {
		file, named := strings.CutPrefix(value, s.dir+"/")
		switch {
		case named && !slices.Contains(s.names, file):
			problem := fmt.Sprintf("%s: %s has no %q", value, s.path, file)
			if near, ok := config.Nearest(file, s.names); ok {
				problem += fmt.Sprintf("; did you mean %q?", near)
			} else {
				problem += "; set it with: " + config.SecretCommand(s.path+"."+file)
			}
			problems.Addf(path, "%s", problem)
		case strings.HasSuffix(key, "_file") && !named && !slices.ContainsFunc(imageDirs, func(dir string) bool { return strings.HasPrefix(value, dir) }):
			problems.Addf(path, "%s is no file that the pod has; put its content into %s and name it: %s/NAME", value, s.path, s.dir)
		case hasUser(value):
			problems.Addf(path, "has a user name or password in its URL, in plain text; put the password into %s and name its file, "+
				"or the whole URL if there is an option for its file: %s/NAME", s.path, s.dir)
		case strings.EqualFold(key, "Authorization") || strings.EqualFold(key, "Proxy-Authorization"):
			problems.Addf(path, "in plain text; put it into %s and name its file: authorization: {credentials_file: %s/NAME}", s.path, s.dir)
		}
	})
	text, err := marshal(loaded)
	var masked any
	if err == nil {
		err = yaml.Unmarshal([]byte(text), &masked)
	}
	if err != nil { // what cannot be written could hide nothing
		problems.Addf(path, "%v", err)
	}
	walk(path, masked, func(path, key, value string) {
		if value != "<secret>" || webhookURL(path, key) {
			return
		}
		option := key + "_file: " + s.dir + "/NAME"
		if key == "secrets" { // of a header
			option = "files: [" + s.dir + "/NAME]"
		}
		problems.Addf(path, "in plain text; put it into %s and name its file: %s", s.path, option)
	})
	return problems
}

// imageDirs are directories with files that pods and their images have anyway.
var imageDirs = []string{"/var/run/secrets/kubernetes.io/serviceaccount/", "/etc/ssl/"}

// webhookURL tells whether a value is a webhook's address, which often is no
// secret; its url_file keeps one.
func webhookURL(path, key string) bool {
	return key == "url" && strings.Contains(path, ".webhook_configs[")
}

// hasUser tells whether a value is a URL with a user name or password.
func hasUser(value string) bool {
	if !strings.Contains(value, "://") {
		return false
	}
	parsed, err := url.Parse(value)
	return err == nil && parsed.User != nil
}

// walk calls visit for each string in a native value, with its path and the
// key that it, or the list it is in, has.
func walk(path string, value any, visit func(path, key, value string)) {
	walkBelow(path, "", value, visit)
}

func walkBelow(path, key string, value any, visit func(path, key, value string)) {
	switch value := value.(type) {
	case string:
		visit(path, key, value)
	case map[string]any:
		for _, key := range slices.Sorted(maps.Keys(value)) {
			walkBelow(path+"."+key, key, value[key], visit)
		}
	case []any:
		for i, element := range value {
			walkBelow(fmt.Sprintf("%s[%d]", path, i), key, element, visit)
		}
	}
}
