package render

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"

	"github.com/kubernetes-prometheus/kubernetes-prometheus/config/configtest"
)

func TestSlackLinks(t *testing.T) {
	const (
		access  = "access: {host: a.example.com, login: none, ingress: {}}"
		shards  = "cluster: {name: test, networkPolicies: {fromNamespaces: [ingress]}}\nprometheus: {shards: 2}\n"
		storage = "longTermStorage: {enabled: true, objectStore: {type: S3, config: {bucket: blocks, endpoint: s3.example.com}}"
	)
	for name, test := range map[string]struct {
		text string
		want bool
	}{
		"nothing published": {"", false},
		"Prometheus":        {"cluster: {name: test, networkPolicies: {fromNamespaces: [ingress]}}\nprometheus: {" + access + "}", true},
		"an external URL":   {"prometheus: {externalUrl: 'https://a.example.com'}", true},
		"shards":            {shards + storage + "}", false},
		"Thanos":            {shards + storage + ", queryFrontend: {" + access + "}}", true},
	} {
		t.Run(name, func(t *testing.T) {
			assert.Equal(t, test.want, strings.Contains(slackLinks(configtest.Config(t, test.text), ""), ".GeneratorURL"))
		})
	}
}
