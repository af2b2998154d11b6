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

// customFiles embeds the folder with all: so that it may contain only its README.
//
//go:embed all:custom
var customFiles embed.FS

// maxBytes is the allowed size of a dashboard in bytes. A ConfigMap may have 1 MiB of data, and
// package check allows 900 KiB of that.
const maxBytes = 900 << 10

// validUID matches the UIDs that Grafana accepts. They are also valid in keys of a ConfigMap.
var validUID = regexp.MustCompile(`^[a-zA-Z0-9_-]{1,40}$`)

// custom reads every *.json file directly below dir, in the order of the names. The error names the
// file that is not a dashboard, below root.
func custom(files fs.FS, dir, root string) ([]Dashboard, error) {
	names, err := fs.Glob(files, path.Join(dir, "*.json"))
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
			return nil, fmt.Errorf("%s: %w", path.Join(root, name), err)
		}
		d.File = path.Base(name)
		all = append(all, d)
	}
	return all, nil
}

// parse reads a dashboard that was exported from Grafana. It drops the numeric id, which is valid
// only in the Grafana that exported it.
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
		return Dashboard{}, errors.New("has __inputs, which provisioning does not fill in: export without \"Share dashboard with another instance\", or replace each ${DS_…} by ${datasource}")
	}
	uid, _ := model["uid"].(string)
	if !validUID.MatchString(uid) {
		return Dashboard{}, fmt.Errorf("uid %q: want 1 to 40 letters, digits, '-' or '_'", uid)
	}
	title, _ := model["title"].(string)
	if strings.TrimSpace(title) == "" {
		return Dashboard{}, errors.New("title: want a string that is not empty")
	}

	delete(model, "id")
	out, err := json.MarshalIndent(model, "", "  ")
	if err != nil {
		return Dashboard{}, err
	}
	return Dashboard{UID: uid, Title: title, Folder: FolderCustom, JSON: append(out, '\n')}, nil
}

// check rejects dashboards that Grafana would reject or silently overwrite at run time.
func check(all []Dashboard) error {
	uids := map[string]string{}
	for _, folder := range []Folder{FolderConfigMaps, FolderCustom, FolderInfrastructure, FolderKubernetes, FolderMonitoring} {
		uids[folder.UID] = "the folder " + folder.Title
	}
	files, titles := map[string]string{}, map[[2]string]string{}
	for _, d := range all {
		where := "dashboards: " + d.Folder.Title + "/" + d.File
		if d.Dir != "" {
			where = d.Path()
		}
		if first, taken := uids[d.UID]; taken {
			return fmt.Errorf("%s: uid %q is taken by %s", where, d.UID, first)
		}
		if first, taken := files[path.Join(d.Dir, d.File)]; taken {
			return fmt.Errorf("%s: the file name is taken by %s", where, first)
		}
		title := [2]string{d.Folder.UID, strings.ToLower(d.Title)}
		if first, taken := titles[title]; taken {
			return fmt.Errorf("%s: title %q is taken by %s", where, d.Title, first)
		}
		if strings.EqualFold(d.Title, d.Folder.Title) {
			return fmt.Errorf("%s: title %q is the title of its folder, which Grafana rejects", where, d.Title)
		}
		if len(d.JSON) > maxBytes {
			return fmt.Errorf("%s: %d bytes; allowed: up to %d, so that it fits into a ConfigMap", where, len(d.JSON), maxBytes)
		}
		if d.Folder == FolderCustom { // unit tests check the queries of the others
			if err := d.checkQueries(); err != nil {
				return fmt.Errorf("%s: %w", where, err)
			}
		}
		name := path.Join(d.Dir, d.File)
		uids[d.UID], files[name], titles[title] = name, name, name
	}
	return nil
}

// checkQueries rejects a query that does not parse, whatever the variables stand for.
func (d Dashboard) checkQueries() error {
	queries, err := Queries(d, nil)
	if err != nil {
		return err
	}
	for _, q := range queries {
		if q.Guessed {
			continue
		}
		if err := q.check(); err != nil {
			return err
		}
	}
	return nil
}
