package broken

import (
	"encoding/json"
	"errors"
	"flag"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strconv"
	"testing"

	"github.com/stretchr/testify/require"
	"go.yaml.in/yaml/v3"

	"github.com/kubernetes-prometheus/kubernetes-prometheus/check"
	"github.com/kubernetes-prometheus/kubernetes-prometheus/config"
	"github.com/kubernetes-prometheus/kubernetes-prometheus/config/configtest"
	"github.com/kubernetes-prometheus/kubernetes-prometheus/render"
)

// Flags of TestMutations.
var (
	mutations = flag.Int("mutations", 50_000, "mutations of the committed stacks to decode")
	renders   = flag.Int("renders", 100, "about how many accepted mutations to render and check with promtool and amtool")
	seed      = flag.Uint64("seed", 1, "seed of the mutations")
)

// values returns the values of a committed stack, with the secrets that it requires.
func values(t *testing.T, stack string) map[string]any {
	t.Helper()
	text, err := Case{Stack: stack}.StackFile(committed)
	require.NoError(t, err)
	var file struct {
		Config map[string]any `yaml:"config"`
	}
	require.NoError(t, yaml.Unmarshal(text, &file))
	found := map[string]any{}
	for key, value := range file.Config {
		found[key[len(config.Project)+1:]] = value
	}
	return found
}

// No mutation of the committed stacks makes decoding, rendering or the checks panic. Rendering
// names each problem, and promtool and amtool accept what a preview accepts.
func TestMutations(t *testing.T) {
	stacks := []map[string]any{values(t, "dev"), values(t, "prod")}
	m := &Mutator{Rand: rand.New(rand.NewPCG(*seed, 0))} //nolint:gosec // repeatable, not secret
	m.Fragments = append(accepted(t), rejected(t)...)
	dir := t.TempDir()
	decoded, different, rendered, stopped, seen := 0, 0, 0, 0, map[string]bool{}
	every := max(1, *mutations/20 / *renders) // about one in 20 is accepted and new
	var mutated map[string]any
	defer func() {
		if p := recover(); p != nil {
			t.Errorf("%#v", mutated)
			panic(p)
		}
	}()
	for i := range *mutations {
		mutated = m.Mutate(stacks[i%len(stacks)])
		cfg, err := configtest.Decode(mutated)
		if err != nil {
			require.NotEmpty(t, err.Error())
			continue
		}
		decoded++
		key, err := json.Marshal([]any{cfg.Cluster, cfg.Prometheus, cfg.Discovery, cfg.Alerting, cfg.Exporters.BlackboxExporter})
		if err == nil && seen[string(key)] { // JSON has no infinity
			continue
		}
		seen[string(key)] = true
		if different++; different%every != 0 {
			continue
		}
		stack, err := render.New(cfg)
		if err != nil {
			_, named := errors.AsType[config.Problems](err)
			require.True(t, named, "%v", err)
			stopped++
			continue
		}
		check.Run(stack)
		stackDir := filepath.Join(dir, strconv.Itoa(i))
		if text := write(t, stackDir, stack); seen[text] {
			require.NoError(t, os.RemoveAll(stackDir))
		} else {
			seen[text] = true
			rendered++
		}
	}
	t.Logf("%d mutations decoded, %d accepted, %d of them different where files are written from; of a sample of these, rendering rejected %d and wrote %d different stacks",
		*mutations, decoded, different, stopped, rendered)
	acceptedUpstream(t, dir)
}

// accepted returns parts of stacks without mistakes.
func accepted(t *testing.T) []map[string]any {
	t.Helper()
	text, err := os.ReadFile("testdata/native.yaml")
	require.NoError(t, err)
	var fragments []map[string]any
	require.NoError(t, yaml.Unmarshal(text, &fragments))
	for _, fragment := range fragments {
		cfg, err := configtest.Decode(merge(values(t, "dev"), clone(fragment)).(map[string]any))
		require.NoError(t, err)
		_, err = checked(cfg, nil)
		require.NoError(t, err)
	}
	return fragments
}

// rejected returns the changes that the corpus makes to stacks.
func rejected(t *testing.T) []map[string]any {
	t.Helper()
	cases, err := Cases()
	require.NoError(t, err)
	var fragments []map[string]any
	for _, c := range cases {
		if c.Set != nil {
			fragments = append(fragments, c.Set)
		}
	}
	return fragments
}
