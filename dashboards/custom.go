package dashboards

import (
	"bytes"
	"embed"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"path"
	"regexp"
	"strings"
)

// A folder that holds nothing but its README embeds too.
//
//go:embed all:custom
var customFiles embed.FS

// maxBytes keeps a dashboard below the 1 MiB an object in Kubernetes may have, with room
// for the ConfigMap around it.
const maxBytes = 900 << 10

// validUID is what Grafana accepts as a UID, and a ConfigMap as part of a key.
var validUID = regexp.MustCompile(`^[a-zA-Z0-9_-]{1,40}$`)

// custom reads every *.json file directly below dir, in the order of their names.
func custom(files fs.FS, dir string) ([]Dashboard, error) {
	names, err := fs.Glob(files, dir+"/*.json")
	if err != nil {
		return nil, fmt.Errorf("dashboards: %w", err)
	}
	var all []Dashboard
	for _, name := range names {
		text, err := fs.ReadFile(files, name)
		if err != nil {
			return nil, fmt.Errorf("dashboards: %w", err)
		}
		d, err := parse(text)
		if err != nil {
			return nil, fmt.Errorf("dashboards/%s: %w", name, err)
		}
		d.File = path.Base(name)
		all = append(all, d)
	}
	return all, nil
}

// parse reads a dashboard as exported from Grafana. The numeric id belongs to the Grafana
// it came from, where another one would look for it in vain: it is dropped.
func parse(text []byte) (Dashboard, error) {
	decoder := json.NewDecoder(bytes.NewReader(text))
	decoder.UseNumber()
	var model map[string]any
	if err := decoder.Decode(&model); err != nil {
		return Dashboard{}, fmt.Errorf("want a JSON object: %w", err)
	}
	if _, err := decoder.Token(); !errors.Is(err, io.EOF) {
		return Dashboard{}, errors.New("want one JSON object and nothing after it")
	}
	if model["apiVersion"] != nil || model["elements"] != nil {
		return Dashboard{}, errors.New("want the classic dashboard model: export with \"Export as JSON\", model \"Classic\"")
	}
	if inputs, _ := model["__inputs"].([]any); len(inputs) > 0 {
		return Dashboard{}, errors.New("has __inputs that nothing answers: export without \"Share dashboard with another instance\", or replace each ${DS_…} by ${datasource}")
	}
	uid, _ := model["uid"].(string)
	if !validUID.MatchString(uid) {
		return Dashboard{}, fmt.Errorf("uid %q: want 1 to 40 letters, digits, '-' or '_'", uid)
	}
	title, _ := model["title"].(string)
	if strings.TrimSpace(title) == "" {
		return Dashboard{}, errors.New("title: want a text that is not empty")
	}

	delete(model, "id")
	out, err := json.MarshalIndent(model, "", "  ")
	if err != nil {
		return Dashboard{}, err
	}
	return Dashboard{UID: uid, Title: title, Folder: FolderCustom, JSON: append(out, '\n')}, nil
}

// check refuses what Grafana would refuse, or quietly overwrite, at run time.
func check(all []Dashboard) error {
	uids := map[string]string{}
	for _, folder := range []Folder{FolderCustom, FolderInfrastructure, FolderKubernetes, FolderMonitoring} {
		uids[folder.UID] = "the folder " + folder.Title
	}
	files, titles := map[string]string{}, map[[2]string]string{}
	for _, d := range all {
		where := "dashboards: " + d.Folder.Title + "/" + d.File
		if first, taken := uids[d.UID]; taken {
			return fmt.Errorf("%s: uid %q is taken by %s", where, d.UID, first)
		}
		if first, taken := files[d.File]; taken {
			return fmt.Errorf("%s: the file name is taken by %s", where, first)
		}
		title := [2]string{d.Folder.UID, strings.ToLower(d.Title)}
		if first, taken := titles[title]; taken {
			return fmt.Errorf("%s: title %q is taken by %s", where, d.Title, first)
		}
		if strings.EqualFold(d.Title, d.Folder.Title) {
			return fmt.Errorf("%s: title %q is the title of its folder, which Grafana refuses", where, d.Title)
		}
		if len(d.JSON) > maxBytes {
			return fmt.Errorf("%s: %d bytes, more than the %d a ConfigMap has room for", where, len(d.JSON), maxBytes)
		}
		queries, err := Queries(d, nil)
		if err != nil {
			return fmt.Errorf("%s: %w", where, err)
		}
		for _, q := range queries {
			if q.Guessed && d.Folder == FolderCustom {
				continue
			}
			if err := q.check(); err != nil {
				return fmt.Errorf("%s: %w", where, err)
			}
		}
		uids[d.UID], files[d.File], titles[title] = d.File, d.File, d.File
	}
	return nil
}
