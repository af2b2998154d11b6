//go:build e2e

package e2e

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"testing"
	"time"

	"github.com/prometheus/client_golang/api"
	promv1 "github.com/prometheus/client_golang/api/prometheus/v1"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"golang.org/x/crypto/bcrypt"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// With login basic, Prometheus and Alertmanager answer only who has a password, and the stack goes on.
func TestBasic(t *testing.T) {
	leftOut(t)
	n := start(t)
	n.deploy(t)
	own, alice := url.UserPassword("stack", "e2eSECRETe2e"), url.UserPassword("alice", "e2eSECRETalice")
	n.addClient(t, own)
	n.set(t, "prometheus.access.login", "basic")
	n.set(t, "alerting.access.login", "basic")
	n.up(t) // which waits for the probes of both
	since := time.Now()

	prometheus, alertmanager := n.basicAddress(t, "prometheus", 9090), n.basicAddress(t, "alertmanager", 9093)
	for _, address := range []string{prometheus + "/api/v1/targets", prometheus + "/metrics", alertmanager + "/api/v2/alerts"} {
		assert.Equal(t, http.StatusUnauthorized, status(t, address, nil), address)
		assert.Equal(t, http.StatusUnauthorized, status(t, address, url.UserPassword("stack", "wrong")), address)
		assert.Equal(t, http.StatusOK, status(t, address, own), address)
	}

	client, err := api.NewClient(api.Config{Address: withUser(t, prometheus, own)})
	require.NoError(t, err)
	n.prometheus = promv1.NewAPI(client)
	n.scraped(t, since, "prometheus", "alertmanager")
	alerted(t, http.DefaultClient, withUser(t, alertmanager, own), since)

	// A new user needs no restart.
	const programs = "app.kubernetes.io/name in (prometheus, alertmanager)"
	before := n.started(t, programs)
	n.addUser(t, alice)
	n.up(t)
	n.poke(t, namespace, programs)
	eventually(t, 3*time.Minute, "another user can log in", func(context.Context) string {
		if got := status(t, prometheus+"/api/v1/targets", alice); got != http.StatusOK {
			return fmt.Sprint("Prometheus answers ", got)
		}
		if got := status(t, alertmanager+"/api/v2/alerts", alice); got != http.StatusOK {
			return fmt.Sprint("Alertmanager answers ", got)
		}
		return ""
	})
	assert.Equal(t, before, n.started(t, programs), "containers")
	n.unchanged(t)
}

// addClient adds a user to login.basic, as whom the stack's own programs log in.
func (n *node) addClient(t *testing.T, user *url.Userinfo) {
	n.addUser(t, user)
	password, _ := user.Password()
	n.set(t, "login.basic.client.user", user.Username())
	n.set(t, "login.basic.client.password", password, "--secret")
}

// addUser adds a user to login.basic.
func (n *node) addUser(t *testing.T, user *url.Userinfo) {
	password, _ := user.Password()
	hash, err := bcrypt.GenerateFromPassword([]byte(password), bcrypt.MinCost)
	require.NoError(t, err)
	n.set(t, "login.basic.users."+user.Username(), string(hash), "--secret")
}

// basicAddress forwards a local address to a port of a program, and returns its URL. The API server's proxy
// would not pass a login on.
func (n *node) basicAddress(t *testing.T, program string, port int) string {
	address, stop, err := n.forward(t, "app.kubernetes.io/name="+program, port)
	require.NoError(t, err)
	t.Cleanup(stop)
	return "http://" + address
}

// withUser returns a URL with a user, as whom an HTTP client logs in.
func withUser(t *testing.T, address string, user *url.Userinfo) string {
	parsed, err := url.Parse(address)
	require.NoError(t, err)
	parsed.User = user
	return parsed.String()
}

// status returns the status of the answer to a user; to nobody if it is nil.
func status(t *testing.T, address string, user *url.Userinfo) int {
	response, err := http.Get(withUser(t, address, user))
	require.NoError(t, err)
	defer response.Body.Close()
	_, err = io.Copy(io.Discard, response.Body)
	require.NoError(t, err)
	return response.StatusCode
}

// scraped waits until all targets that have been scraped since a time are up, and those of jobs have been.
func (n *node) scraped(t *testing.T, since time.Time, jobs ...string) {
	t.Helper()
	eventually(t, 3*time.Minute, "all targets are up", func(ctx context.Context) string {
		// A server that restarts leaves the last samples of what it no longer scrapes.
		down, err := n.tryQuery(ctx, fmt.Sprintf("up == 0 and timestamp(up) > %d", since.Unix()), time.Now())
		if err != nil || len(down) > 0 {
			return fmt.Sprint(down, err)
		}
		for _, job := range jobs {
			if up, err := n.tryQuery(ctx, fmt.Sprintf("up{job=%q} and timestamp(up{job=%q}) > %d", job, job, since.Unix()), time.Now()); err != nil || len(up) == 0 {
				return fmt.Sprint(job, " is not scraped yet ", err)
			}
		}
		return ""
	})
}

// alerted waits until Alertmanager, at an address, has got the alert Watchdog since a time.
func alerted(t *testing.T, client *http.Client, address string, since time.Time) {
	t.Helper()
	eventually(t, 3*time.Minute, "alerts reach Alertmanager", func(ctx context.Context) string {
		request, err := http.NewRequestWithContext(ctx, http.MethodGet, address+"/api/v2/alerts?filter=alertname%3DWatchdog", nil)
		require.NoError(t, err)
		response, err := client.Do(request)
		if err != nil {
			return err.Error()
		}
		defer response.Body.Close()
		var alerts []struct{ UpdatedAt time.Time }
		if err := json.NewDecoder(response.Body).Decode(&alerts); err != nil {
			return err.Error()
		}
		for _, alert := range alerts {
			if alert.UpdatedAt.After(since) {
				return ""
			}
		}
		return fmt.Sprint("no Watchdog since then: ", alerts)
	})
}

// started returns when each container of the pods that a selector selects started, by pod and container.
func (n *node) started(t *testing.T, selector string) map[string]time.Time {
	t.Helper()
	pods, err := n.kubernetes.CoreV1().Pods(namespace).List(t.Context(), metav1.ListOptions{LabelSelector: selector})
	require.NoError(t, err)
	started := map[string]time.Time{}
	for _, pod := range pods.Items {
		for _, container := range pod.Status.ContainerStatuses {
			if running := container.State.Running; running != nil {
				started[pod.Name+"/"+container.Name] = running.StartedAt.Time
			}
		}
	}
	return started
}
