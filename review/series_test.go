package review

import (
	"testing"

	"github.com/stretchr/testify/assert"

	"github.com/kubernetes-prometheus/kubernetes-prometheus/check"
	"github.com/kubernetes-prometheus/kubernetes-prometheus/config"
)

func TestSeries(t *testing.T) {
	small := check.Estimate{Nodes: 3, Pods: 90, Total: 30000, Memory: 1 << 30, Disk: 10 << 30, Series: map[config.Job]int{"kubernetes-nodes": 6000, "etcd": 2500}}
	large := check.Estimate{Nodes: 6, Pods: 180, Total: 60000, Memory: 3 << 29, Disk: 20 << 30, Series: map[config.Job]int{"kubernetes-nodes": 12000, "coredns": 240}}
	markdown := func(before, after check.Estimate) string {
		return Report{Stack: "prod", Sections: []Section{Series(before, after)}}.Markdown()
	}
	assert.Equal(t, `## What changes in `+"`prod`"+`

### Active series, estimated

- **changed** each Prometheus server, on 6 nodes with 180 pods
  - active series: `+"`30000` → `60000`"+`
  - memory: `+"`1.0 GiB` → `1.5 GiB`"+`
  - disk: `+"`10.0 GiB` → `20.0 GiB`"+`
  - series of `+"`coredns`: `0` → `240`"+`
  - series of `+"`kubernetes-nodes`: `6000` → `12000`"+`
  - series of `+"`etcd`: `2500` → `0`"+`
`, markdown(small, large))
	assert.Contains(t, markdown(check.Estimate{}, small), "active series: none → `30000`")
	assert.Contains(t, markdown(small, small), "Nothing.")
	assert.Contains(t, markdown(small, check.Estimate{}), "Nothing.", "not known")
}
