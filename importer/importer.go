// Package importer renders what the import Job runs: a POSIX shell script that pushes
// datasources and dashboards through Grafana's HTTP API, and the bodies of its requests.
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
	// Files holds the script, the datasources and the folders, by file name. They fit into
	// one ConfigMap.
	Files map[string]string
	// Dashboards holds the requests that save the dashboards, by file name. Each may fill a
	// ConfigMap, so each needs one of its own.
	Dashboards map[string]string
	// Hash is 10 hexadecimal digits that change whenever a file changes. The Job has them in
	// its name, so that it runs again exactly then.
	Hash string
}

// New returns the payload that imports the datasources, the dashboards and their folders.
func New(datasources []Datasource, all []dashboards.Dashboard) (*Payload, error) {
	p := &Payload{
		Files:      map[string]string{"import.sh": script},
		Dashboards: map[string]string{},
	}
	for _, d := range datasources {
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

// WithPassword returns the name of the file of Payload.Files that writes a datasource with basic authentication,
// and the same request with the password, which belongs in a Secret.
func WithPassword(d Datasource, password string) (name, request string, err error) {
	files := map[string]string{}
	err = add(files, "datasource", d.UID, struct {
		Datasource
		SecureJSONData map[string]string `json:"secureJsonData"`
	}{d, map[string]string{"basicAuthPassword": password}})
	name = file("datasource", d.UID)
	return name, files[name], err
}

func add(files map[string]string, kind, uid string, request any) error {
	text, err := json.Marshal(request)
	if err != nil {
		return fmt.Errorf("importer: %s %s: %w", kind, uid, err)
	}
	files[file(kind, uid)] = string(text)
	return nil
}

func file(kind, uid string) string { return kind + "." + uid + ".json" }

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
