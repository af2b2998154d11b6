// Package importer renders what the import Job runs: a POSIX shell script that pushes
// datasources and dashboards through Grafana's HTTP API, and deletes those that it has pushed
// before and the stack does not have any more, and the bodies of its requests.
// Everything is rendered at preview; the script only loops over files. It needs an image
// with a shell and curl, and runs as any user on a read-only root file system.
//
// API: https://grafana.com/docs/grafana/latest/developers/http_api/
package importer

import (
	"crypto/sha256"
	_ "embed"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"net/url"
	"path"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/kubernetes-prometheus/kubernetes-prometheus/dashboards"
)

// Dir is the directory of the Job's pod that has the files of a Payload.
const Dir = "/import"

//go:embed import.sh
var script string

// Datasource is a Grafana datasource. It has the fields that provisioning files and the HTTP
// API have in common:
// https://grafana.com/docs/grafana/latest/administration/provisioning/#data-sources
type Datasource struct {
	Name      string         `json:"name" yaml:"name"`
	UID       string         `json:"uid" yaml:"uid"`
	Type      string         `json:"type" yaml:"type"`
	Access    string         `json:"access" yaml:"access"` // "proxy": Grafana's server sends the queries, not the browser
	URL       string         `json:"url" yaml:"url"`
	IsDefault bool           `json:"isDefault" yaml:"isDefault"`
	JSONData  map[string]any `json:"jsonData" yaml:"jsonData"`

	User            string `json:"user,omitempty" yaml:"user,omitempty"`
	Database        string `json:"database,omitempty" yaml:"database,omitempty"`
	BasicAuth       bool   `json:"basicAuth,omitempty" yaml:"basicAuth,omitempty"`
	BasicAuthUser   string `json:"basicAuthUser,omitempty" yaml:"basicAuthUser,omitempty"`
	WithCredentials bool   `json:"withCredentials,omitempty" yaml:"withCredentials,omitempty"`

	// Only in provisioning files: Grafana reads the values from files that it has.
	SecureJSONData map[string]string `json:"-" yaml:"secureJsonData,omitempty"`
	Correlations   []map[string]any  `json:"-" yaml:"correlations,omitempty"`
}

// Payload holds the files that a Job needs in Dir.
type Payload struct {
	// Files holds the script, the datasources, the folders and the UID of the datasource with the
	// record, by file name. They fit into one ConfigMap.
	Files map[string]string
	// Dashboards holds the requests that save the dashboards, by file name. Each may fill a
	// ConfigMap, so each needs one of its own.
	Dashboards map[string]string
	// Hash is 10 hexadecimal digits that change whenever a file changes. The Job has them in
	// its name, so that it runs again exactly then.
	Hash string
}

// New returns the payload that imports the datasources, the dashboards and their folders. The first
// datasource, whose UID must not change, records what is imported: a later payload deletes what
// it does not have any more. New returns an error if there is no datasource.
func New(datasources []Datasource, all []dashboards.Dashboard) (*Payload, error) {
	if len(datasources) == 0 {
		return nil, errors.New("importer: want at least one datasource")
	}
	p := &Payload{
		Files:      map[string]string{"import.sh": script, "record": datasources[0].UID},
		Dashboards: map[string]string{},
	}
	for i, d := range datasources {
		if i == 0 {
			recorded := map[string]any{"imported": imported(datasources, all)} // Grafana keeps options that it does not know
			maps.Copy(recorded, d.JSONData)
			d.JSONData = recorded
		}
		if err := add(p.Files, "datasource", d.UID, d); err != nil {
			return nil, err
		}
	}
	for _, d := range all {
		folder := struct {
			UID   string `json:"uid"`
			Title string `json:"title"`
		}{d.Folder.UID, d.Folder.Title}
		if err := add(p.Files, "folder", d.Folder.UID, folder); err != nil {
			return nil, err
		}
		save := struct {
			Dashboard json.RawMessage `json:"dashboard"`
			FolderUID string          `json:"folderUid"`
			Message   string          `json:"message"`
			Overwrite bool            `json:"overwrite"`
		}{d.JSON, d.Folder.UID, "Imported by kubernetes-prometheus", true}
		if err := add(p.Dashboards, "dashboard", d.UID, save); err != nil {
			return nil, err
		}
	}
	p.Hash = hash(p.Files, p.Dashboards)
	return p, nil
}

// WithPassword removes from Files the one that writes a datasource with basic authentication, by its UID, and returns its
// name and the same request with the password, which belongs in a Secret.
func (p *Payload) WithPassword(uid, password string) (name, request string, err error) {
	name = file("datasource", uid)
	var datasource map[string]any
	if err := json.Unmarshal([]byte(p.Files[name]), &datasource); err != nil {
		return "", "", fmt.Errorf("importer: %s: %w", name, err)
	}
	delete(p.Files, name)
	datasource["secureJsonData"] = map[string]string{"basicAuthPassword": password}
	text, err := json.Marshal(datasource)
	return name, string(text), err
}

// imported returns the names of the datasources and dashboards, which are those of their files without
// the extension, with a space before and after each.
func imported(datasources []Datasource, all []dashboards.Dashboard) string {
	var names []string
	for _, d := range datasources {
		names = append(names, name("datasource", d.UID))
	}
	for _, d := range all {
		names = append(names, name("dashboard", d.UID))
	}
	slices.Sort(names)
	return " " + strings.Join(names, " ") + " "
}

func add(files map[string]string, kind, uid string, request any) error {
	text, err := json.Marshal(request)
	if err != nil {
		return fmt.Errorf("importer: %s %s: %w", kind, uid, err)
	}
	files[file(kind, uid)] = string(text)
	return nil
}

func name(kind, uid string) string { return kind + "." + uid }

func file(kind, uid string) string { return name(kind, uid) + ".json" }

// DashboardFile returns the file of Payload.Dashboards that saves a dashboard.
func DashboardFile(uid string) string { return file("dashboard", uid) }

func hash(groups ...map[string]string) string {
	sum := sha256.New()
	for _, files := range groups {
		for _, name := range slices.Sorted(maps.Keys(files)) {
			fmt.Fprintf(sum, "%s %d\n%s", name, len(files[name]), files[name])
		}
	}
	return hex.EncodeToString(sum.Sum(nil))[:10]
}

// Command returns the command of the Job's container.
func Command() []string {
	return []string{"/bin/sh", path.Join(Dir, "import.sh")}
}

// Login holds the credentials of the Job: either TokenFile, or User and PasswordFile. The
// files are mounted from a Secret.
type Login struct {
	TokenFile    string // has the token of a service account that may write datasources, folders and dashboards
	User         string
	PasswordFile string
}

// Environment returns the environment variables of the Job's container, none of them
// secret. The script waits up to ready, in whole seconds, for the Grafana at address to
// become ready. Environment returns an error if address is not a base URL without
// credentials, or if login is not exactly one kind of credential.
func Environment(address string, ready time.Duration, login Login) (map[string]string, error) {
	parsed, err := url.Parse(address)
	switch {
	case err != nil || (parsed.Scheme != "http" && parsed.Scheme != "https") || parsed.Host == "":
		return nil, fmt.Errorf("importer: want the base URL of Grafana, such as https://grafana.example.com")
	case parsed.User != nil:
		return nil, fmt.Errorf("importer: the URL of %s holds a credential, which belongs in a secret", parsed.Host)
	case parsed.RawQuery != "" || parsed.Fragment != "":
		return nil, fmt.Errorf("importer: %s: want a base URL without a query or fragment", address)
	}
	env := map[string]string{
		"GRAFANA_URL":           strings.TrimRight(address, "/"),
		"GRAFANA_READY_SECONDS": strconv.Itoa(int(ready.Seconds())),
	}
	switch {
	case login.TokenFile != "" && login.User == "" && login.PasswordFile == "":
		env["GRAFANA_TOKEN_FILE"] = login.TokenFile
	case login.TokenFile == "" && login.User != "" && login.PasswordFile != "":
		env["GRAFANA_USER"] = login.User
		env["GRAFANA_PASSWORD_FILE"] = login.PasswordFile
	default:
		return nil, fmt.Errorf("importer: want either a token file, or a user and a password file")
	}
	return env, nil
}
