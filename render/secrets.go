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

// secretFiles holds the secrets that a program reads as files.
type secretFiles struct {
	dir   string   // mount path of the files
	path  string   // config path of the secrets, such as alerting.secrets
	names []string // of the files, sorted
}

// check rejects, in a native value at path, secrets in plain text and files that the pod does
// not have. loaded is the same value as read by upstream's loader, whose types mask secrets.
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
				problem += "; " + config.SetSecret(s.path+"."+file)
			}
			problems.Addf(path, "%s", problem)
		case strings.HasSuffix(key, "_file") && !named && !slices.ContainsFunc(imageDirs, func(dir string) bool { return strings.HasPrefix(value, dir) }):
			problems.Addf(path, "%s is not a file in the pod; put its content into %s and name it: %s/NAME", value, s.path, s.dir)
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
	if err != nil { // without the masked value, secrets cannot be found
		problems.Addf(path, "%v", err)
	}
	walk(path, masked, func(path, key, value string) {
		if value != "<secret>" || webhookURL(path, key) {
			return
		}
		if slices.ContainsFunc(fileless, func(option string) bool { return strings.HasSuffix(path, option) }) {
			problems.Addf(path, "in plain text, and there is no option for its file; have the cloud identify the pods instead: prometheus.serviceAccount")
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

// fileless holds the ends of the paths of secrets that Prometheus reads from no file.
var fileless = []string{".sigv4.secret_key", ".azuread.oauth.client_secret", ".azuread.certificate.certificate_password"}

// imageDirs holds the directories with files that every pod or its image has.
var imageDirs = []string{"/var/run/secrets/kubernetes.io/serviceaccount/", "/etc/ssl/"}

// webhookURL reports whether the value at path, with its key, is the URL of a webhook. Its type
// masks it, but it is often not a secret; one that is belongs into url_file.
func webhookURL(path, key string) bool {
	return key == "url" && strings.Contains(path, ".webhook_configs[")
}

// hasUser reports whether value is a URL with a user name or password.
func hasUser(value string) bool {
	if !strings.Contains(value, "://") {
		return false
	}
	parsed, err := url.Parse(value)
	return err == nil && parsed.User != nil
}

// walk calls visit for each string in a native value, with its path and its key; in a list,
// the key is the list's.
func walk(path string, value any, visit func(path, key, value string)) {
	walkBelow(path, "", value, visit)
}

// walkBelow does the work of walk for a value with a key.
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
