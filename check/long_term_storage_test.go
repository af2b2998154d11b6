package check

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// longTerm is a stack of 10 nodes with long-term storage and further settings of it, in YAML.
func longTerm(further string) string {
	return "cluster: {name: test, nodes: 10}\nlongTermStorage: {enabled: true, objectStore: {type: S3, config: {bucket: a, endpoint: b}}" + further
}

// prefixed is such a stack with a prefix in its bucket.
func prefixed(prefix, further string) string {
	return strings.Replace(longTerm(further+"}"), "endpoint: b}", "endpoint: b}, prefix: "+prefix, 1)
}

func TestLongTermStorage(t *testing.T) {
	for _, test := range []struct {
		name, stack string
		want        []string // parts of the findings
	}{
		{"nothing", "cluster: {name: test, nodes: 10}\nlongTermStorage: {objectStore: {prefix: all}}", nil},
		{"the defaults", longTerm("}"), nil},
		{"hours on disk", longTerm("}\nprometheus: {retention: 12h}"), []string{
			"prometheus.retention: 12h: if the object store does not answer for longer, samples are lost to it; allowed without this warning: 1d or more (upload-in-time)"}},
		{"a small volume", longTerm("}\nstorage: {size: 1Gi}\nprometheus: {scrapeInterval: 5s, scrapeTimeout: 5s}"), []string{"(upload-in-time)"}},
		{"a prefix for all", prefixed("all", ""), []string{
			`longTermStorage.objectStore.prefix: "all" has no parts that are called like the cluster, test, and the namespace, monitoring`}},
		{"a prefix with the cluster", prefixed("all/test", ""), []string{"(compactor-alone)"}},
		{"a prefix with the cluster and the namespace", prefixed("all/test/monitoring", ""), nil},
		{"a prefix for all, compacted elsewhere", prefixed("all", ", compactor: {enabled: false}"), nil},
		{"a small compactor", longTerm(", compactor: {size: 1Gi}}\nprometheus: {scrapeInterval: 5s, scrapeTimeout: 5s}"), []string{"(compactor-fits)"}},
		{"another version", longTerm("}\nimages: {overrides: {thanos: 'quay.io/thanos/thanos:v0.36.0'}}"), []string{"images.overrides.thanos"}},
		{"a range of weeks", longTerm("}\nalerting: {acknowledgeNoNotifications: true, extraRules: {mine: {groups: [{name: a, rules: [{record: 'a:b', expr: 'avg_over_time(up[5w])'}]}]}}}"), []string{"looks back 5w, but samples are kept for 15d"}},
	} {
		t.Run(test.name, func(t *testing.T) {
			a := load(t, test.stack)
			var found []string
			for _, name := range []string{"upload-in-time", "compactor-alone", "compactor-fits", "image-known", "range-retained"} {
				for _, f := range a.Check().Findings {
					if f.Check == name && !strings.Contains(f.Message, "shipped rules look back") {
						found = append(found, f.String())
					}
				}
			}
			require.Len(t, found, len(test.want), "%q", found)
			for i, want := range test.want {
				assert.Contains(t, found[i], want)
			}
		})
	}
}

// Each shard has its share of what shards divide, and all of what belongs to the monitoring itself; one of them all
// of a job with a single target. The object store has all of it.
func TestEstimatesOfShards(t *testing.T) {
	of := func(settings string) Estimate {
		estimate, ok := EstimateOf(load(t, longTerm("}\n"+settings)))
		require.True(t, ok)
		return estimate
	}
	one := of("prometheus: {remoteWrite: [{name: central, url: 'https://example.com'}]}")
	four := of("prometheus: {shards: 4, remoteWrite: [{name: central, url: 'https://example.com'}]}")
	retired := of("prometheus: {retiredShards: 3, remoteWrite: [{name: central, url: 'https://example.com'}]}")
	assert.Equal(t, one.Divided, four.Divided)
	every := retired.Total - retired.Divided // of as many parts of the monitoring itself
	assert.Greater(t, every, one.Total-one.Divided, "more servers have more series")
	assert.Greater(t, four.Total, four.Divided/4+every, "kube-state-metrics is a single target")
	assert.Less(t, of("prometheus: {shards: 4}\nexporters: {kubeStateMetrics: {shards: 4}}").Total, four.Total)
	assert.Less(t, four.Memory, one.Memory)
	assert.Less(t, four.Disk, one.Disk)
	assert.Less(t, four.CPU, one.CPU)
	assert.Less(t, four.Remotes[0].Series, one.Remotes[0].Series)
	assert.Greater(t, four.Bucket.Daily, one.Bucket.Daily)
	assert.Less(t, four.Bucket.Daily, 4*four.Samples*86400*1.3)
	assert.InEpsilon(t, retired.Samples*86400*1.3, retired.Bucket.Daily, 0.001)
	assert.Equal(t, one.Series["kubernetes-cadvisor"], four.Series["kubernetes-cadvisor"], "of all shards")
}

// The ruler's rules see the object store, those of Prometheus only what it has itself.
func TestRangesOfShards(t *testing.T) {
	for stack, want := range map[string]int{"}": 1, "}\nprometheus: {shards: 2}": 0} {
		n := 0
		for _, f := range load(t, longTerm(stack)+"\nalerting: {acknowledgeNoNotifications: true, extraRules: {mine: {groups: [{name: a, rules: [{record: 'a:b', expr: 'avg_over_time(up[5w])'}]}]}}}").Check().Findings {
			if f.Check == "range-retained" {
				n++
			}
		}
		assert.Equal(t, want, n, stack)
	}
}

func TestBucketEstimates(t *testing.T) {
	of := func(stack string) Estimate {
		estimate, ok := EstimateOf(load(t, stack))
		require.True(t, ok)
		return estimate
	}
	one := of(longTerm("}"))
	assert.InEpsilon(t, one.Samples*86400*1.3, one.Bucket.Daily, 0.001)
	assert.InEpsilon(t, one.Bucket.Daily*90, one.Bucket.Raw, 0.001)
	assert.InEpsilon(t, float64(one.Total)*5*288*1.3*365, one.Bucket.FiveMinutes, 0.001)
	assert.InEpsilon(t, one.Bucket.FiveMinutes/12*5, one.Bucket.Hours, 0.001, "a twelfth of the windows, for five years")
	assert.InEpsilon(t, 2*one.Bucket.Daily, of(longTerm("}\nprometheus: {replicas: 2}")).Bucket.Daily, 0.05, "each replica uploads")
	assert.InEpsilon(t, one.Bucket.Daily*365, of(longTerm(", retention: {raw: 0s, 5m: 0s, 1h: 0s}}")).Bucket.Raw, 0.001, "of a year")
	assert.Zero(t, of(longTerm(", retention: {raw: 1y, 5m: 1y, 1h: 1y}}\ndiscovery: {histograms: native}")).Bucket.Hours, "nothing is downsampled")
	assert.Zero(t, of("cluster: {name: test, nodes: 10}").Bucket)
}

// The requests are those that the parts of Thanos are known to make for each block, as often as they do.
func TestBucketRequests(t *testing.T) {
	of := func(stack string) Bucket {
		estimate, ok := EstimateOf(load(t, stack))
		require.True(t, ok)
		return estimate.Bucket
	}
	one := of(longTerm("}"))
	assert.InDelta(t, 40+(90+365+5*365)/14, one.Blocks, 1)
	const gateway, compactor = 96 * 2, 288*5*4 + 96
	assert.InEpsilon(t, one.Blocks*(gateway+compactor), one.Reads, 0.001)
	assert.Greater(t, one.Writes, 288*5+96+96+80.0)

	away := of(longTerm(", compactor: {enabled: false}}"))
	assert.InEpsilon(t, one.Blocks*gateway, away.Reads, 0.001, "the compactor of another stack asks")
	partitioned := of(longTerm(", compactor: {enabled: false}, storeGateway: {partitions: 4, replicas: 2}}"))
	assert.InEpsilon(t, one.Blocks*96*(8+2), partitioned.Reads, 0.001, "each of eight asks for every block, and reads the marks of a quarter")

	native := of(longTerm(", retention: {raw: 1y, 5m: 1y, 1h: 1y}}\ndiscovery: {histograms: native}"))
	assert.InEpsilon(t, native.Blocks*(gateway+288*3*3+96), native.Reads, 0.001, "nothing is downsampled, and no mark against it is read")
	assert.InDelta(t, 40+365/14, native.Blocks, 1)

	sharded := of(longTerm(", ruler: {replicas: 3}}\nprometheus: {shards: 2, replicas: 2}"))
	assert.InEpsilon(t, 7*one.Blocks, sharded.Blocks, 0.001, "four servers and three rulers upload")
	assert.InDelta(t, 30*(one.Reads*0.4e-6+one.Writes*5e-6), one.RequestCost(), 0.01)
}
