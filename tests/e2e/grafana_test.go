//go:build e2e

package e2e

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	appsv1 "k8s.io/api/apps/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/kubernetes-prometheus/kubernetes-prometheus/config"
	"github.com/kubernetes-prometheus/kubernetes-prometheus/render"
)

// grafanaShows fills Grafana in both ways: from files and, with a volume, by the import Job.
// If its image is not available, it only checks the objects on the API server.
func grafanaShows(t *testing.T, n *node) {
	require.True(t, n.stack.Grafana.Deployed())
	if !n.stack.Grafana.Runs() {
		t.Log("Grafana's image is not available: only its objects are checked")
	}
	n.grafanaHasEverything(t, appsv1.RollingUpdateDeploymentStrategyType)

	n.set(t, "grafana.persistence.enabled", "true")
	n.set(t, "grafana.import", "job")
	n.up(t)
	n.grafanaHasEverything(t, appsv1.RecreateDeploymentStrategyType)
	claim, err := n.kubernetes.CoreV1().PersistentVolumeClaims(namespace).Get(t.Context(), "data-grafana-0", metav1.GetOptions{})
	require.NoError(t, err)
	assert.Equal(t, "5Gi", claim.Spec.Resources.Requests.Storage().String())
	jobs, err := n.kubernetes.BatchV1().Jobs(namespace).List(t.Context(), metav1.ListOptions{LabelSelector: "app.kubernetes.io/name=grafana-import"})
	require.NoError(t, err)
	if n.stack.Grafana.Runs() {
		require.Len(t, jobs.Items, 1)
		assert.Equal(t, int32(1), jobs.Items[0].Status.Succeeded)
	} else {
		assert.Empty(t, jobs.Items, "an import Job without a Grafana that runs")
	}

	n.set(t, "grafana.import", "files")
	n.set(t, "grafana.persistence.enabled", "false")
	n.up(t)
	n.grafanaHasEverything(t, appsv1.RollingUpdateDeploymentStrategyType)
}

// grafanaHasEverything checks Grafana's update strategy and, if Grafana runs, that it has the
// datasource and the dashboards.
func (n *node) grafanaHasEverything(t *testing.T, strategy appsv1.DeploymentStrategyType) {
	t.Helper()
	deployment, err := n.kubernetes.AppsV1().Deployments(namespace).Get(t.Context(), "grafana", metav1.GetOptions{})
	require.NoError(t, err)
	assert.Equal(t, strategy, deployment.Spec.Strategy.Type)
	if !n.stack.Grafana.Runs() {
		return
	}
	stack, err := render.New(n.stack)
	require.NoError(t, err)
	eventually(t, 3*time.Minute, "Grafana has datasource and dashboards", func(context.Context) string {
		var health struct{ Status, Message string }
		if err := n.askGrafana(t, "/api/datasources/uid/prometheus/health", &health); err != nil {
			return err.Error()
		}
		if health.Status != "OK" {
			return "the datasource is not healthy: " + health.Message
		}
		for _, d := range stack.Dashboards {
			var found struct{ Dashboard struct{ Title string } }
			if err := n.askGrafana(t, "/api/dashboards/uid/"+d.UID, &found); err != nil {
				return err.Error()
			}
			if found.Dashboard.Title != d.Title {
				return fmt.Sprintf("dashboard %s has the title %q, not %q", d.UID, found.Dashboard.Title, d.Title)
			}
		}
		return ""
	})
}

// askGrafana calls Grafana's API as its administrator. It uses a port-forward, because the
// API server's proxy does not pass on the Authorization header.
func (n *node) askGrafana(t *testing.T, path string, answer any) error {
	t.Helper()
	secret, err := n.kubernetes.CoreV1().Secrets(namespace).Get(t.Context(), "grafana", metav1.GetOptions{})
	if err != nil {
		return err
	}
	address, stop, err := n.forward(t, "app.kubernetes.io/name=grafana", render.Grafana.Port)
	if err != nil {
		return err
	}
	defer stop()
	ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
	defer cancel()
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://"+address+path, nil)
	if err != nil {
		return err
	}
	request.SetBasicAuth(n.stack.Grafana.AdminUser, string(secret.Data[config.AdminPasswordFile]))
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		return err
	}
	defer response.Body.Close()
	body, err := io.ReadAll(response.Body)
	if err != nil {
		return err
	}
	if response.StatusCode != http.StatusOK {
		return fmt.Errorf("GET %s: %s: %s", path, response.Status, body)
	}
	return json.Unmarshal(body, answer)
}
