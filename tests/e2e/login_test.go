//go:build e2e

package e2e

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/kubernetes-prometheus/kubernetes-prometheus/config"
)

// providerAddress is that of the OpenID Connect provider, as the stack login has it.
const providerAddress = nodeIP + ":5556"

// clientSecret is the name of the Secret with the secret of the provider's client.
const clientSecret = "login-client"

// visit and page are those of the command provider.
type (
	visit struct {
		Email   string   `json:"email"`
		Groups  []string `json:"groups"`
		Address string   `json:"address"`
		URLs    []string `json:"urls"`

		Provider string `json:"provider"`
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
	leftOut(t)
	t.Setenv("STACK", "login")
	if !*deployedFlag {
		forgetNode(t)
	}
	n := start(t)
	n.cluster.localOnly(t, "a provider on the node")
	startProvider(t, n) // without it, no oauth2-proxy starts
	slack := startSlack(t, n)
	if !*deployedFlag {
		n.localcluster(t, "demo")
		t.Cleanup(func() {
			if !t.Failed() { // others need the CPUs
				n.localcluster(t, "down")
			}
		})
	}
	t.Run("who is in a group sees the web UIs", n.loggedIn)
	t.Run("the client's secret is in a Secret that exists", n.existingClientSecret)
	alerts := timings(t)
	n.slackSoon(t)
	n.configure(t, func(put func(path string, value any)) { alertSoon(put, alerts) })
	n.up(t)
	var err error
	n.stack, err = config.FromFile(filepath.Join(n.cluster.dir, n.cluster.stackFile()))
	require.NoError(t, err)
	var mended endings
	for _, f := range faults { // one after the other: each is about every login
		if f.batch == logins {
			t.Run(f.name, func(t *testing.T) {
				n.provoke(t, slack, alerts, f)
				mended.add(f)
			})
		}
	}
	t.Run("all of it ends with the faults", func(t *testing.T) { mended.await(t, n, alerts) })
	n.unchanged(t)
}

// loggedIn expects that the oauth2-proxies let members of a group in, and nobody else.
func (n *node) loggedIn(t *testing.T) {
	for _, ui := range []struct{ proxy, page, api, shows string }{
		// A Prometheus of Go modules alone has no pages.
		{"prometheus-login", "http://monitoring.example.com/prometheus/-/healthy", "http://monitoring.example.com/prometheus/api/v1/targets", `"activeTargets"`},
		{"alertmanager-login", "http://alertmanager.example.com/", "http://alertmanager.example.com/api/v2/status", `"versionInfo"`},
	} {
		t.Run(ui.proxy, func(t *testing.T) {
			assert.Equal(t, "OK", n.get(t, ui.proxy+":proxy", "ping", nil))
			open := func(email string, groups ...string) []page {
				t.Helper()
				return n.browse(visit{Email: email, Groups: groups, Address: n.serviceAddress(t, ui.proxy), URLs: []string{ui.page, ui.api}})
			}
			var stranger []page
			eventually(t, 2*time.Minute, "a pod answers", func(context.Context) string { // after an update, not the one that ends
				stranger = open("")
				if stranger[0].Status == 0 {
					return stranger[0].Body
				}
				return ""
			})
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
}

// existingClientSecret expects that a Secret which login.oidc names is missed before an update, and used.
func (n *node) existingClientSecret(t *testing.T) {
	n.configure(t, func(put func(path string, value any)) {
		put("login.oidc.clientSecret", map[string]any{"secret": clientSecret, "key": "password"})
	})
	out, err := n.try(t, "pulumi", "preview", "--color", "never")
	require.Error(t, err, out)
	assert.Regexp(t, `login\.oidc\.clientSecret: .*`+clientSecret, out)
	n.putSecret(t, clientSecret, map[string][]byte{"password": []byte("a secret\n")})
	out, err = n.try(t, "pulumi", "preview", "--color", "never")
	require.Error(t, err, out)
	assert.Contains(t, out, "login.oidc.clientSecret")
	n.putSecret(t, clientSecret, map[string][]byte{"password": []byte("a secret")})
	n.up(t)
	n.loggedIn(t)
}

// serviceAddress returns the address of the first port of a Service of the stack.
func (n *node) serviceAddress(t *testing.T, service string) string {
	t.Helper()
	found, err := n.kubernetes.CoreV1().Services(namespace).Get(t.Context(), service, metav1.GetOptions{})
	require.NoError(t, err)
	return fmt.Sprintf("%s:%d", found.Spec.ClusterIP, found.Spec.Ports[0].Port)
}

// noProvider stops the provider. Who is logged in stays so, and nobody else can log in.
func noProvider(t *testing.T, n *node, _ fault) func() {
	api, address := []string{"http://monitoring.example.com/prometheus/api/v1/targets"}, n.serviceAddress(t, "prometheus-login")
	member := visit{Email: "member@example.com", Groups: []string{"sre"}, Address: address, URLs: []string{"http://monitoring.example.com/prometheus/-/healthy"}}
	require.Equal(t, http.StatusOK, n.browse(member)[0].Status)
	member.URLs, member.Provider = api, "down"
	stays := n.browse(member)[0]
	assert.Equal(t, http.StatusOK, stays.Status, stays.Body)
	other := n.browse(visit{Email: "late@example.com", Groups: []string{"sre"}, Address: address, Provider: "down",
		URLs: []string{"http://monitoring.example.com/prometheus/-/healthy"}})[0]
	assert.Zero(t, other.Status, other.Body)
	return func() { n.browse(visit{}) }
}

// refusedTokens has people log in with a provider that gives no tokens, for longer than two scrapes are apart.
func refusedTokens(t *testing.T, n *node, _ fault) func() {
	address := n.serviceAddress(t, "prometheus-login")
	for i := range 10 {
		refused := n.browse(visit{Email: fmt.Sprintf("refused-%d@example.com", i), Groups: []string{"sre"}, Address: address, Provider: "refusing",
			URLs: []string{"http://monitoring.example.com/prometheus/-/healthy"}})[0]
		assert.Equal(t, http.StatusInternalServerError, refused.Status, refused.Body)
		time.Sleep(5 * time.Second)
	}
	return func() { // and so many requests that the refused ones no longer count
		pages := slices.Repeat([]string{"http://monitoring.example.com/prometheus/-/healthy"}, 100)
		n.browse(visit{Email: "welcome@example.com", Groups: []string{"sre"}, Address: address, URLs: pages})
	}
}

// noClientSecret deletes the Secret with the client's secret, and a pod that reads it when it starts.
func noClientSecret(t *testing.T, n *node, _ fault) func() {
	require.NoError(t, n.kubernetes.CoreV1().Secrets(namespace).Delete(t.Context(), clientSecret, metav1.DeleteOptions{}))
	require.NoError(t, n.kubernetes.CoreV1().Pods(namespace).DeleteCollection(t.Context(), metav1.DeleteOptions{}, metav1.ListOptions{
		LabelSelector: "app.kubernetes.io/component=prometheus-login",
	}))
	return func() {
		n.putSecret(t, clientSecret, map[string][]byte{"password": []byte("a secret")})
		n.ready(t, "prometheus-login")
	}
}

// killedLogins kills the oauth2-proxies again and again.
func killedLogins(t *testing.T, n *node, f fault) func() {
	killedAgainAndAgain("/bin/oauth2-proxy", 3)(t, n, f)
	return func() {
		n.ready(t, "prometheus-login")
		n.ready(t, "alertmanager-login")
	}
}

// ready waits until all pods of a Deployment of the stack are ready.
func (n *node) ready(t *testing.T, deployment string) {
	t.Helper()
	eventually(t, 6*time.Minute, deployment+" is ready", func(context.Context) string {
		found, err := n.kubernetes.AppsV1().Deployments(namespace).Get(context.WithoutCancel(t.Context()), deployment, metav1.GetOptions{})
		if err != nil || found.Status.ReadyReplicas < *found.Spec.Replicas || found.Status.ReadyReplicas < found.Status.Replicas {
			return fmt.Sprint(found.Status.ReadyReplicas, " pods are ready ", err)
		}
		return ""
	})
}

// startProvider starts the command provider on the node.
func startProvider(t *testing.T, n *node) {
	t.Helper()
	stdin, stdout, wait := n.startProgram(t, "./provider", "oidc-provider", providerAddress)
	t.Cleanup(func() {
		_ = stdin.Close() // ends the provider
		_ = wait()
	})
	answers := json.NewDecoder(stdout)
	n.browse = func(v visit) []page {
		require.NoError(t, json.NewEncoder(stdin).Encode(v))
		var pages []page
		require.NoError(t, answers.Decode(&pages))
		require.Len(t, pages, len(v.URLs))
		return pages
	}
}
