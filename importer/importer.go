// Package importer is the program of the Job that pushes datasources and dashboards
// through Grafana's HTTP API: a POSIX shell script that needs nothing but curl, and the
// request bodies it sends. Everything is decided and rendered here, at preview; the script
// only loops over files. It runs in any image that has a shell and curl, on a read-only
// root file system, as any user.
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
	"github.com/kubernetes-prometheus/kubernetes-prometheus/render"
)

// Dir is where the Job's pod has the files of a Payload.
const Dir = "/import"

//go:embed import.sh
var script string

// Payload is everything a Job needs, as files of Dir.
type Payload struct {
	// Files are the script, the datasources and the folders, which fit into one ConfigMap.
	Files map[string]string
	// Dashboards are the requests that save the dashboards, by file name. Each may be as
	// large as a ConfigMap: they want one each.
	Dashboards map[string]string
	// Hash has 10 hexadecimal digits that change with the content of any file. In the
	// Job's name they make it run again exactly then.
	Hash string
}

// New renders the payload. The folders are those of the dashboards.
func New(datasources []render.Datasource, all []dashboards.Dashboard) (*Payload, error) {
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

// Command runs the script in the Job's container.
func Command() []string {
	return []string{"/bin/sh", path.Join(Dir, "import.sh")}
}

// Login is how the Job logs in: by token, or else by user and password. Both are files,
// mounted from a Secret.
type Login struct {
	TokenFile    string // with a service account token that may write datasources, folders and dashboards
	User         string
	PasswordFile string
}

// Environment is the environment of the Job's container; no secret is in it. The Grafana
// at the address has the given time, in whole seconds, to become ready. The error says
// what is wrong with the address.
func Environment(address string, ready time.Duration, login Login) (map[string]string, error) {
	parsed, err := url.Parse(address)
	switch {
	case err != nil || (parsed.Scheme != "http" && parsed.Scheme != "https") || parsed.Host == "":
		return nil, fmt.Errorf("importer: want the base URL of Grafana, such as https://grafana.example.com")
	case parsed.User != nil:
		return nil, fmt.Errorf("importer: the URL of %s holds a credential, which belongs into a secret", parsed.Host)
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
