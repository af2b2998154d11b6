package render

import (
	"fmt"

	"github.com/kubernetes-prometheus/kubernetes-prometheus/config"
)

// Thanos holds what the parts of Thanos read.
type Thanos struct {
	Bucket   *Bucket   // nil without a Prometheus that uploads
	Query    ConfigMap // endpoints.yaml
	Frontend ConfigMap // cache.yaml and, if the querier serves TLS, downstream.yaml
	Ruler    *Ruler    // nil without a ruler

	// Selectors holds, for each partition of the store gateway, the relabelling that selects its
	// blocks; a single partition has all, and no relabelling. Without a Bucket there are none.
	Selectors []string
}

// endpointsFile is what the querier reads: https://thanos.io/tip/components/query.md/#endpoint-configuration
type endpointsFile struct {
	DefaultClientConfig *grpcClient    `yaml:"default_client_config,omitempty"`
	Endpoints           []grpcEndpoint `yaml:"endpoints"`
}

type grpcEndpoint struct {
	Address      string      `yaml:"address"`
	ClientConfig *grpcClient `yaml:"client_config,omitempty"`
}

type grpcClient struct {
	TLSConfig  grpcTLS `yaml:"tls_config"`
	ServerName string  `yaml:"server_name"`
}

type grpcTLS struct {
	Enabled  bool   `yaml:"enabled"`
	CertFile string `yaml:"cert_file"`
	KeyFile  string `yaml:"key_file"`
	CAFile   string `yaml:"ca_file"`
}

// cacheFile is what the query frontend reads:
// https://thanos.io/tip/components/query-frontend.md/#in-memory
type cacheFile struct {
	Type   string `yaml:"type"`
	Config struct {
		MaxSize  string          `yaml:"max_size"`
		Validity config.Duration `yaml:"validity"`
	} `yaml:"config"`
}

// DownstreamFile is the name of the file that says how the query frontend connects to a querier that serves TLS.
const DownstreamFile = "downstream.yaml"

// downstreamFile is what the query frontend reads of the querier:
// https://thanos.io/tip/components/query-frontend.md/#recommended-downstream-tripper-configuration
type downstreamFile struct {
	TLSConfig *tlsConfig `yaml:"tls_config"`
}

// renderThanos sets what the parts of Thanos read, apart from the ruler, if they are deployed.
func (s *Stack) renderThanos() error {
	cfg := s.Config.LongTermStorage
	if !cfg.Enabled {
		return nil
	}
	endpoints, err := marshal(queryEndpoints(s.Config))
	if err != nil {
		return err
	}
	var cache cacheFile
	cache.Type = "IN-MEMORY"
	cache.Config.MaxSize = fmt.Sprintf("%dMB", cfg.QueryFrontend.CacheSize.Value()>>20) // Thanos' units are powers of two
	text, err := marshal(cache)
	if err != nil {
		return err
	}
	frontend := map[string]string{"cache.yaml": text}
	if tls := tlsTo(s.Config, ThanosQuery); tls != nil {
		if frontend[DownstreamFile], err = marshal(downstreamFile{tls}); err != nil {
			return err
		}
	}
	s.Thanos = &Thanos{
		Query:    ConfigMap{ThanosQuery.Name + "-config", "longTermStorage.query", map[string]string{"endpoints.yaml": endpoints}},
		Frontend: ConfigMap{ThanosQueryFrontend.Name + "-config", "longTermStorage.queryFrontend", frontend},
	}
	if !s.Config.HasObjectStore() {
		return nil
	}
	if s.Thanos.Bucket, err = bucket(s.Config); err != nil {
		return err
	}
	for partition := range cfg.StoreGateway.Partitions {
		selector, err := blocksOf(partition, cfg.StoreGateway.Partitions)
		if err != nil {
			return err
		}
		s.Thanos.Selectors = append(s.Thanos.Selectors, selector)
	}
	return nil
}

// queryEndpoints returns the servers that the querier asks: the sidecars, the store gateways and the
// rulers that the stack has, each pod by the SRV records of their headless Services, and those of other
// clusters.
func queryEndpoints(cfg *config.Config) endpointsFile {
	longTerm := cfg.LongTermStorage
	client := func(server string) *grpcClient {
		if !longTerm.TLS.Enabled() {
			return nil
		}
		return &grpcClient{grpcTLS{true, ThanosTLSDir + "/tls.crt", ThanosTLSDir + "/tls.key", ThanosTLSDir + "/ca.crt"}, server}
	}
	file := endpointsFile{DefaultClientConfig: client(longTerm.TLS.ServerName)}
	var services []string
	for shard := range cfg.Prometheus.Groups() {
		services = append(services, PrometheusShard(shard).Headless())
	}
	if cfg.HasObjectStore() {
		for partition := range longTerm.StoreGateway.Partitions {
			services = append(services, StoreGatewayName(cfg, partition))
		}
	}
	if cfg.HasRuler() {
		services = append(services, ThanosRuler.Name)
	}
	for _, service := range services {
		file.Endpoints = append(file.Endpoints, grpcEndpoint{Address: fmt.Sprintf("dnssrv+_grpc._tcp.%s.%s.svc", service, cfg.Cluster.Namespace)})
	}
	for _, address := range longTerm.Query.Endpoints {
		file.Endpoints = append(file.Endpoints, grpcEndpoint{address, client(hostOf(address))})
	}
	return file
}

// CertificateHosts returns the host names and IP addresses that the certificate of the parts of Thanos has to be
// valid for: the name by which they know each other, and the host at which the queriers of other clusters reach
// this one.
func CertificateHosts(longTerm config.LongTermStorage) []string {
	hosts := []string{longTerm.TLS.ServerName}
	if address := longTerm.Query.ExternalAddress; address != "" {
		hosts = append(hosts, hostOf(address))
	}
	return hosts
}

// StoreGatewayName returns the name of the objects of a partition of the store gateway.
func StoreGatewayName(cfg *config.Config, partition int) string {
	if cfg.LongTermStorage.StoreGateway.Partitions == 1 {
		return ThanosStoreGateway.Name
	}
	return fmt.Sprintf("%s-%d", ThanosStoreGateway.Name, partition)
}

// blocksOf returns the relabelling that selects the blocks of a partition by a hash of their IDs; empty
// if there is only one partition: https://thanos.io/tip/thanos/sharding.md/
func blocksOf(partition, partitions int) (string, error) {
	if partitions == 1 {
		return "", nil
	}
	return marshal(oneOf(partition, partitions, "partition", "__block_id"))
}
