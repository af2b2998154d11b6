//go:build e2e

package e2e

import (
	"context"
	"encoding/json"
	"flag"
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

var loginFlag = flag.Bool("login", false, "run TestLogin")

// providerAddress is that of the OpenID Connect provider, as the stack login has it.
const providerAddress = nodeIP + ":5556"

// visit and page are those of the command provider.
type (
	visit struct {
		Email   string   `json:"email"`
		Groups  []string `json:"groups"`
		Address string   `json:"address"`
		URLs    []string `json:"urls"`
		Down    bool     `json:"down"`
	}
	page struct {
		Status   int
		Location string
		Body     string
	}
)

// TestLogin deploys the stack login on a new node of its own: Prometheus and Alertmanager behind an oauth2-proxy
// each, and a provider with which people log in.
func TestLogin(t *testing.T) {
	if !*loginFlag {
		t.Skip("-login is not set")
	}
	t.Setenv("STACK", "login")
	if !*deployedFlag {
		forgetNode(t)
	}
	n := start(t)
	n.cluster.localOnly(t, "a provider on the node")
	browse := startProvider(t, n) // without it, no oauth2-proxy starts
	if !*deployedFlag {
		n.localcluster(t, "demo")
		t.Cleanup(func() {
			if !t.Failed() { // others need the CPUs
				n.localcluster(t, "down")
			}
		})
	}
	address := func(service string) string {
		t.Helper()
		found, err := n.kubernetes.CoreV1().Services(namespace).Get(t.Context(), service, metav1.GetOptions{})
		require.NoError(t, err)
		return fmt.Sprintf("%s:%d", found.Spec.ClusterIP, found.Spec.Ports[0].Port)
	}
	for _, ui := range []struct{ proxy, page, api, shows string }{
		// A Prometheus of Go modules alone has no pages.
		{"prometheus-login", "http://monitoring.example.com/prometheus/-/healthy", "http://monitoring.example.com/prometheus/api/v1/targets", `"activeTargets"`},
		{"alertmanager-login", "http://alertmanager.example.com/", "http://alertmanager.example.com/api/v2/status", `"versionInfo"`},
	} {
		t.Run(ui.proxy, func(t *testing.T) {
			assert.Equal(t, "OK", n.get(t, ui.proxy+":proxy", "ping", nil))
			open := func(email string, groups ...string) []page {
				t.Helper()
				return browse(visit{Email: email, Groups: groups, Address: address(ui.proxy), URLs: []string{ui.page, ui.api}})
			}
			stranger := open("")
			assert.Equal(t, 302, stranger[0].Status, stranger[0].Body)
			assert.Contains(t, stranger[0].Location, "http://"+providerAddress+"/authorize?")
			assert.Equal(t, 401, stranger[1].Status, stranger[1].Body)

			member := open(ui.proxy+"@example.com", "sre")
			assert.Equal(t, 200, member[0].Status, member[0].Body)
			assert.Equal(t, 200, member[1].Status, member[1].Body)
			assert.Contains(t, member[1].Body, ui.shows)

			other := open(ui.proxy+"@example.org", "hr")
			assert.Equal(t, 403, other[0].Status, other[0].Body)
			assert.Equal(t, 401, other[1].Status, other[1].Body)
		})
	}
	eventually(t, 3*time.Minute, "everything is scraped, and Alertmanager is found", func(ctx context.Context) string {
		for query, want := range map[string]float64{
			`count(up{job="oauth2-proxy"} == 1)`:                                        2,
			`count(up == 0) or vector(0)`:                                               0,
			`prometheus_notifications_alertmanagers_discovered{job="prometheus"}`:       1,
			`count(count by (code) (oauth2_proxy_requests_total{code=~"200|401|403"}))`: 3,
		} {
			found, err := n.tryQuery(ctx, query, time.Now())
			if err != nil || len(found) != 1 || float64(found[0].Value) != want {
				return fmt.Sprintf("%s: %v, %v; want %v", query, found, err, want)
			}
		}
		return ""
	})
	// Who is logged in stays so while the provider is down.
	stays := browse(visit{Email: "prometheus-login@example.com", Groups: []string{"sre"}, Address: address("prometheus-login"),
		URLs: []string{"http://monitoring.example.com/prometheus/api/v1/targets"}, Down: true})
	assert.Equal(t, 200, stays[0].Status, stays[0].Body)
	n.unchanged(t)
}

// startProvider starts the command provider on the node, and returns a function that sends it a visit.
func startProvider(t *testing.T, n *node) func(visit) []page {
	t.Helper()
	stdin, stdout, wait := n.startProgram(t, "./provider", "oidc-provider", providerAddress)
	t.Cleanup(func() {
		_ = stdin.Close() // ends the provider
		_ = wait()
	})
	answers := json.NewDecoder(stdout)
	return func(v visit) []page {
		t.Helper()
		require.NoError(t, json.NewEncoder(stdin).Encode(v))
		var pages []page
		require.NoError(t, answers.Decode(&pages))
		require.Len(t, pages, len(v.URLs))
		return pages
	}
}
