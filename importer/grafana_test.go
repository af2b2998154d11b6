package importer_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/go-openapi/strfmt"
	"github.com/grafana/grafana-openapi-client-go/models"
)

// grafana is a fake of Grafana's HTTP API. It accepts a request only if the official model
// of that request has all of its fields, and responds as Grafana does, error messages
// included.
type grafana struct {
	*httptest.Server
	authorization string // the only Authorization header that is accepted
	notReady      int    // how many more times /api/health responds that Grafana is not ready

	mu          sync.Mutex
	requests    []string // method and URL
	datasources map[string]models.AddDataSourceCommand
	readOnly    map[string]bool // datasources provisioned by file
	folders     map[string]string
	dashboards  map[string]models.SaveDashboardCommand
	provisioned map[string]bool // dashboards provisioned by file
	versions    map[string]int
}

func newGrafana(t *testing.T, authorization string) *grafana {
	g := &grafana{
		authorization: authorization,
		datasources:   map[string]models.AddDataSourceCommand{},
		readOnly:      map[string]bool{},
		folders:       map[string]string{},
		dashboards:    map[string]models.SaveDashboardCommand{},
		provisioned:   map[string]bool{},
		versions:      map[string]int{},
	}
	mux := http.NewServeMux()
	mux.HandleFunc("GET /api/health", g.health)
	mux.HandleFunc("GET /api/datasources", g.authorized(g.listDatasources))
	mux.HandleFunc("DELETE /api/datasources/uid/{uid}", g.authorized(g.deleteDatasource))
	mux.HandleFunc("GET /api/dashboards/uid/{uid}", g.authorized(g.getDashboard))
	mux.HandleFunc("DELETE /api/dashboards/uid/{uid}", g.authorized(g.deleteDashboard))
	mux.HandleFunc("GET /api/datasources/uid/{uid}", g.authorized(g.getDatasource))
	mux.HandleFunc("POST /api/datasources", g.authorized(g.addDatasource))
	mux.HandleFunc("PUT /api/datasources/uid/{uid}", g.authorized(g.updateDatasource))
	mux.HandleFunc("GET /api/folders/{uid}", g.authorized(g.getFolder))
	mux.HandleFunc("POST /api/folders", g.authorized(g.createFolder))
	mux.HandleFunc("POST /api/dashboards/db", g.authorized(g.saveDashboard))
	mux.HandleFunc("/", func(w http.ResponseWriter, _ *http.Request) { refuse(w, 404, "Not found") })

	g.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		g.mu.Lock()
		defer g.mu.Unlock()
		g.requests = append(g.requests, r.Method+" "+r.URL.String())
		mux.ServeHTTP(w, r)
	}))
	t.Cleanup(g.Close)
	return g
}

// take returns the requests received since the last call.
func (g *grafana) take() []string {
	g.mu.Lock()
	defer g.mu.Unlock()
	requests := g.requests
	g.requests = nil
	return requests
}

// state returns everything that an import may change, as text.
func (g *grafana) state() string {
	g.mu.Lock()
	defer g.mu.Unlock()
	text, err := json.MarshalIndent([]any{g.datasources, g.folders, g.dashboards}, "", " ")
	if err != nil {
		panic(err)
	}
	return string(text)
}

func answer(w http.ResponseWriter, status int, body any) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(body)
}

func refuse(w http.ResponseWriter, status int, message string) {
	answer(w, status, models.ErrorResponseBody{Message: &message})
}

// decode is strict: it returns an error for an unknown field and for a value of the wrong type.
func decode(w http.ResponseWriter, r *http.Request, into interface {
	Validate(strfmt.Registry) error
}) bool {
	if got := r.Header.Get("Content-Type"); got != "application/json" {
		refuse(w, 415, "Unsupported media type "+got)
		return false
	}
	decoder := json.NewDecoder(r.Body)
	decoder.DisallowUnknownFields()
	err := decoder.Decode(into)
	if err == nil {
		_, err = decoder.Token()
		if errors.Is(err, io.EOF) {
			err = into.Validate(strfmt.Default)
		} else {
			err = fmt.Errorf("more than one JSON value: %w", err)
		}
	}
	if err != nil {
		refuse(w, 400, "bad request data: "+err.Error())
		return false
	}
	return true
}

func (g *grafana) authorized(next http.HandlerFunc) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		if got := r.Header.Values("Authorization"); len(got) != 1 || got[0] != g.authorization {
			refuse(w, 401, "Invalid username or password")
			return
		}
		next(w, r)
	}
}

func (g *grafana) health(w http.ResponseWriter, r *http.Request) {
	if len(r.Header.Values("Authorization")) != 0 {
		refuse(w, 400, "the health check sends a credential it does not need")
		return
	}
	if g.notReady > 0 {
		g.notReady--
		answer(w, 503, map[string]string{"database": "failing"})
		return
	}
	answer(w, 200, models.HealthResponse{Database: "ok", Version: "13.1.3"})
}

func (g *grafana) getDatasource(w http.ResponseWriter, r *http.Request) {
	d, ok := g.datasources[r.PathValue("uid")]
	if !ok {
		refuse(w, 404, "Data source not found")
		return
	}
	answer(w, 200, models.DataSource{UID: d.UID, Name: d.Name, Type: d.Type, URL: d.URL, JSONData: d.JSONData})
}

func (g *grafana) listDatasources(w http.ResponseWriter, _ *http.Request) {
	list := models.DataSourceList{}
	for _, uid := range slices.Sorted(maps.Keys(g.datasources)) {
		d := g.datasources[uid]
		list = append(list, &models.DataSourceListItemDTO{UID: d.UID, Name: d.Name, Type: d.Type, URL: d.URL, JSONData: d.JSONData})
	}
	answer(w, 200, list)
}

func (g *grafana) deleteDatasource(w http.ResponseWriter, r *http.Request) {
	uid := r.PathValue("uid")
	switch _, exists := g.datasources[uid]; {
	case !exists:
		refuse(w, 404, "Data source not found")
	case g.readOnly[uid]:
		refuse(w, 403, "Cannot delete read-only data source")
	default:
		delete(g.datasources, uid)
		answer(w, 200, map[string]any{"message": "Data source deleted"})
	}
}

func (g *grafana) addDatasource(w http.ResponseWriter, r *http.Request) {
	var d models.AddDataSourceCommand
	if !decode(w, r, &d) {
		return
	}
	if d.Name == "" || d.Type == "" || d.Access == "" {
		refuse(w, 400, "bad request data")
		return
	}
	for uid, other := range g.datasources {
		if other.Name == d.Name {
			refuse(w, 409, "data source with the same name already exists")
			return
		}
		if uid == d.UID {
			refuse(w, 409, "data source with the same uid already exists")
			return
		}
	}
	g.datasources[d.UID] = d
	answer(w, 200, map[string]any{"message": "Datasource added", "name": d.Name})
}

func (g *grafana) updateDatasource(w http.ResponseWriter, r *http.Request) {
	var d models.UpdateDataSourceCommand
	if !decode(w, r, &d) {
		return
	}
	uid := r.PathValue("uid")
	switch _, exists := g.datasources[uid]; {
	case !exists:
		refuse(w, 404, "Data source not found")
	case g.readOnly[uid]:
		refuse(w, 403, "Cannot update read-only data source")
	case d.UID != uid:
		refuse(w, 400, "Data source UID differs from the one in the path")
	default:
		g.datasources[uid] = models.AddDataSourceCommand{
			UID: d.UID, Name: d.Name, Type: d.Type, Access: d.Access, URL: d.URL,
			IsDefault: d.IsDefault, JSONData: d.JSONData,
		}
		answer(w, 200, map[string]any{"message": "Datasource updated", "name": d.Name})
	}
}

func (g *grafana) getFolder(w http.ResponseWriter, r *http.Request) {
	uid := r.PathValue("uid")
	title, ok := g.folders[uid]
	if !ok {
		refuse(w, 404, "folder not found")
		return
	}
	answer(w, 200, models.Folder{UID: uid, Title: title})
}

func (g *grafana) createFolder(w http.ResponseWriter, r *http.Request) {
	var f models.CreateFolderCommand
	if !decode(w, r, &f) {
		return
	}
	for uid, title := range g.folders {
		if uid == f.UID || strings.EqualFold(title, f.Title) {
			refuse(w, 409, "a folder with the same name already exists in the current location")
			return
		}
	}
	if f.Title == "" {
		refuse(w, 400, "folder title cannot be empty")
		return
	}
	g.folders[f.UID] = f.Title
	answer(w, 200, models.Folder{UID: f.UID, Title: f.Title})
}

func (g *grafana) saveDashboard(w http.ResponseWriter, r *http.Request) {
	var d models.SaveDashboardCommand
	if !decode(w, r, &d) {
		return
	}
	model, _ := d.Dashboard.(map[string]any)
	uid, _ := model["uid"].(string)
	title, _ := model["title"].(string)
	_, folder := g.folders[d.FolderUID]
	_, exists := g.dashboards[uid]
	switch {
	case title == "":
		answer(w, 400, map[string]string{"message": "Dashboard title cannot be empty", "status": "empty-name"})
	case model["id"] != nil:
		answer(w, 404, map[string]string{"message": "Dashboard not found", "status": "not-found"})
	case !folder:
		answer(w, 400, map[string]string{"message": "folder not found", "status": "not-found"})
	case strings.EqualFold(title, g.folders[d.FolderUID]):
		answer(w, 400, map[string]string{"message": "Dashboard name cannot be the same as folder"})
	case g.provisioned[uid]:
		answer(w, 400, map[string]string{"message": "Cannot save provisioned dashboard"})
	case exists && !d.Overwrite:
		answer(w, 412, map[string]string{"message": "The dashboard has been changed by someone else", "status": "version-mismatch"})
	default:
		g.versions[uid]++
		g.dashboards[uid] = d
		answer(w, 200, map[string]any{
			"status": "success", "uid": uid, "url": "/d/" + uid, "version": g.versions[uid], "folderUid": d.FolderUID,
		})
	}
}

func (g *grafana) getDashboard(w http.ResponseWriter, r *http.Request) {
	d, ok := g.dashboards[r.PathValue("uid")]
	if !ok {
		refuse(w, 404, "Dashboard not found")
		return
	}
	answer(w, 200, models.DashboardFullWithMeta{Dashboard: d.Dashboard, Meta: &models.DashboardMeta{FolderUID: d.FolderUID}})
}

func (g *grafana) deleteDashboard(w http.ResponseWriter, r *http.Request) {
	uid := r.PathValue("uid")
	switch _, exists := g.dashboards[uid]; {
	case !exists:
		refuse(w, 404, "Dashboard not found")
	case g.provisioned[uid]:
		refuse(w, 400, "provisioned dashboard cannot be deleted")
	default:
		delete(g.dashboards, uid)
		answer(w, 200, map[string]any{"message": "Dashboard " + uid + " deleted", "title": uid})
	}
}
