package provider

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"reflect"
	"strconv"
	"strings"

	"github.com/pulumi/pulumi/sdk/v3/go/common/resource"
	"github.com/pulumi/pulumi/sdk/v3/go/common/resource/plugin"
	"k8s.io/client-go/tools/clientcmd"
	clientcmdapi "k8s.io/client-go/tools/clientcmd/api"
)

// settings are the provider's inputs, as far as the stand-in honours them.
type settings struct {
	kubeconfig        string // path or content; empty means $KUBECONFIG, then ~/.kube/config
	context           string
	cluster           string
	namespace         string
	configMapMutable  bool // edit ConfigMap data in place instead of replacing the object
	secretMutable     bool // likewise for Secrets
	deleteUnreachable bool // drop objects of an unreachable cluster from the state
	quiet             bool // suppress the API server's deprecation warnings
}

func parseSettings(inputs resource.PropertyMap) (settings, []plugin.CheckFailure) {
	s, failures := settings{}, []plugin.CheckFailure{}
	text := func(key resource.PropertyKey) string {
		switch v := plain(inputs[key]); {
		case v.IsString():
			return v.StringValue()
		case v.IsNull(), v.IsComputed():
			return ""
		case key == "kubeconfig" && v.IsObject():
			failures = append(failures, plugin.CheckFailure{Property: key, Reason: "want a path or the file's text, got an object"})
			return ""
		default:
			return fmt.Sprint(v.V)
		}
	}
	flag := func(key resource.PropertyKey, byDefault bool) bool {
		v := text(key)
		if v == "" {
			return byDefault
		}
		b, err := strconv.ParseBool(v)
		if err != nil {
			failures = append(failures, plugin.CheckFailure{Property: key, Reason: fmt.Sprintf("%q is neither true nor false", v)})
		}
		return b
	}
	s.kubeconfig, s.context, s.cluster, s.namespace = text("kubeconfig"), text("context"), text("cluster"), text("namespace")
	s.configMapMutable = flag("enableConfigMapMutable", false)
	s.secretMutable = flag("enableSecretMutable", false)
	s.deleteUnreachable = flag("deleteUnreachable", false)
	s.quiet = flag("suppressDeprecationWarnings", false)
	if !flag("enableServerSideApply", true) {
		failures = append(failures, plugin.CheckFailure{Property: "enableServerSideApply",
			Reason: "the demo's stand-in provider always applies server-side; want true or nothing"})
	}
	if text("renderYamlToDirectory") != "" {
		failures = append(failures, plugin.CheckFailure{Property: "renderYamlToDirectory",
			Reason: "the demo's stand-in provider does not render YAML; use the official plugin"})
	}
	return s, failures
}

// clientConfig resolves the kubeconfig. It reads files and contacts nobody.
func (s settings) clientConfig() (clientcmd.ClientConfig, error) {
	overrides := &clientcmd.ConfigOverrides{
		CurrentContext: s.context,
		Context:        clientcmdapi.Context{Cluster: s.cluster, Namespace: s.namespace},
	}
	if s.kubeconfig == "" {
		return clientcmd.NewNonInteractiveDeferredLoadingClientConfig(clientcmd.NewDefaultClientConfigLoadingRules(), overrides), nil
	}
	raw, err := loadKubeconfig(s.kubeconfig)
	if err != nil {
		return nil, err
	}
	return clientcmd.NewDefaultClientConfig(*raw, overrides), nil
}

// loadKubeconfig takes a path, or the file's text, which is never a single line of YAML.
func loadKubeconfig(pathOrText string) (*clientcmdapi.Config, error) {
	if strings.ContainsAny(pathOrText, "\n{") {
		return clientcmd.Load([]byte(pathOrText))
	}
	if rest, ok := strings.CutPrefix(pathOrText, "~/"); ok {
		home, err := os.UserHomeDir()
		if err != nil {
			return nil, err
		}
		pathOrText = filepath.Join(home, rest)
	}
	return clientcmd.LoadFromFile(pathOrText)
}

// defaultNamespace is where an object goes that names no namespace: the provider's, else
// the context's, else "default".
func (s settings) defaultNamespace() string {
	if s.namespace != "" {
		return s.namespace
	}
	if c, err := s.clientConfig(); err == nil {
		if ns, _, err := c.Namespace(); err == nil && ns != "" {
			return ns
		}
	}
	return "default"
}

// CheckConfig refuses settings that the stand-in would have to ignore.
func (p *Provider) CheckConfig(_ context.Context, req plugin.CheckConfigRequest) (plugin.CheckConfigResponse, error) {
	_, failures := parseSettings(req.News)
	return plugin.CheckConfigResponse{Properties: req.News, Failures: failures}, nil
}

// DiffConfig replaces the provider, and with it every object, when it points at another
// cluster. That is decided by clusterIdentifier where one is set, as a kubeconfig can
// change without the cluster; otherwise by the cluster entry that the kubeconfig selects.
func (p *Provider) DiffConfig(_ context.Context, req plugin.DiffConfigRequest) (plugin.DiffConfigResponse, error) {
	olds, news := plainMap(req.OldInputs), plainMap(req.NewInputs)
	objectDiff := olds.Diff(news)
	if objectDiff == nil {
		return plugin.DiffConfigResponse{Changes: plugin.DiffNone}, nil
	}
	resp := plugin.DiffConfigResponse{Changes: plugin.DiffSome, ChangedKeys: objectDiff.ChangedKeys()}
	const identifier = resource.PropertyKey("clusterIdentifier")
	switch {
	case objectDiff.Updated(identifier):
		resp.ReplaceKeys = []resource.PropertyKey{identifier}
	case news.HasValue(identifier):
	case !reflect.DeepEqual(activeCluster(olds), activeCluster(news)):
		for _, key := range []resource.PropertyKey{"kubeconfig", "context", "cluster"} {
			if objectDiff.Changed(key) {
				resp.ReplaceKeys = append(resp.ReplaceKeys, key)
			}
		}
	}
	return resp, nil
}

// activeCluster is the kubeconfig entry of the cluster that the inputs select, without its
// place on disk; nil if that cannot be told.
func activeCluster(inputs resource.PropertyMap) *clientcmdapi.Cluster {
	s, _ := parseSettings(inputs)
	config, err := s.clientConfig()
	if err != nil {
		return nil
	}
	raw, err := config.RawConfig()
	if err != nil {
		return nil
	}
	name := s.cluster
	if name == "" {
		current := raw.CurrentContext
		if s.context != "" {
			current = s.context
		}
		if c := raw.Contexts[current]; c != nil {
			name = c.Cluster
		}
	}
	cluster := raw.Clusters[name].DeepCopy()
	if cluster != nil {
		cluster.LocationOfOrigin = ""
	}
	return cluster
}

// Configure connects to the cluster. One that does not answer is remembered, not reported:
// a preview works without.
func (p *Provider) Configure(ctx context.Context, req plugin.ConfigureRequest) (plugin.ConfigureResponse, error) {
	p.log.Info(ctx, "", notice)
	s, failures := parseSettings(req.Inputs)
	if len(failures) > 0 {
		return plugin.ConfigureResponse{}, fmt.Errorf("%s: %s", failures[0].Property, failures[0].Reason)
	}
	p.settings = s
	if inputs := req.Inputs; inputs["kubeconfig"].ContainsUnknowns() || inputs["context"].ContainsUnknowns() || inputs["cluster"].ContainsUnknowns() {
		p.unreachable = fmt.Errorf("its kubeconfig is not known yet")
		return plugin.ConfigureResponse{}, nil
	}
	if p.cluster, p.unreachable = connect(s, p.log); p.unreachable != nil {
		p.log.Warn(ctx, "", fmt.Sprintf("%v. A preview goes on, and no API server validates it.", p.errUnreachable()))
	}
	return plugin.ConfigureResponse{}, nil
}
