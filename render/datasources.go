package render

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/kubernetes-prometheus/kubernetes-prometheus/config"
	"github.com/kubernetes-prometheus/kubernetes-prometheus/importer"
)

// addDatasources adds those in grafana.datasources to the stack's own. The error is config.Problems with the
// path of each that has the name or UID of one of the stack's, or a secret that Grafana does not have as a file.
func (s *Stack) addDatasources() error {
	var problems config.Problems
	own := s.Datasources
	for i, d := range s.Config.Grafana.Datasources {
		path := fmt.Sprintf("grafana.datasources[%d]", i)
		for _, other := range own {
			if strings.EqualFold(other.Name, d.Name) {
				problems.Addf(path+".name", "%q is the name of the stack's own datasource of type %s; choose another", d.Name, other.Type)
			}
			if other.UID == d.UID {
				problems.Addf(path+".uid", "%q is the UID of the stack's own datasource of type %s; choose another", d.UID, other.Type)
			}
		}
		for _, key := range slices.Sorted(maps.Keys(d.SecureJSONData)) {
			if err := secretReference(s.Config.Grafana, d.SecureJSONData[key]); err != nil {
				problems.Addf(path+".secureJsonData."+key, "%v", err)
			}
		}
		address := ""
		if d.URL != nil {
			address = d.URL.String()
		}
		s.Datasources = append(s.Datasources, importer.Datasource{
			Name:            d.Name,
			UID:             d.UID,
			Type:            d.Type,
			Access:          string(cmp.Or(d.Access, "proxy")),
			URL:             address,
			JSONData:        d.JSONData,
			User:            d.User,
			Database:        d.Database,
			BasicAuth:       d.BasicAuth,
			BasicAuthUser:   d.BasicAuthUser,
			WithCredentials: d.WithCredentials,
			SecureJSONData:  d.SecureJSONData,
			Correlations:    d.Correlations,
		})
	}
	return problems.Err()
}

// secretReference rejects a value that is not a reference to one of Grafana's secrets. The error does not
// repeat it, because it may be a secret.
func secretReference(cfg config.Grafana, value string) error {
	found := reference.FindStringSubmatch(value)
	if found == nil || found[1] != "file" {
		return fmt.Errorf("is a secret, which may not be in a ConfigMap: set it as grafana.secrets.NAME, and this to $__file{%s/NAME}", GrafanaSecretsDir)
	}
	return secretFile(cfg, found[2])
}
