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
