package render

import (
	"bytes"
	"fmt"
	"maps"
	"path"
	"slices"
	"strings"

	"github.com/prometheus/common/model"
	"go.yaml.in/yaml/v3"

	"github.com/kubernetes-prometheus/kubernetes-prometheus/config"
)

const objectStorePath = "longTermStorage.objectStore"

// The options of each kind of object store, as in the structs called Config in
// github.com/thanos-io/objstore/providers, in the version that Thanos v0.42.4 requires. That module
// itself would link the SDKs of all clouds.
type (
	s3Options struct {
		Bucket             string            `yaml:"bucket"`
		Endpoint           string            `yaml:"endpoint"`
		Region             string            `yaml:"region"`
		DisableDualstack   bool              `yaml:"disable_dualstack"`
		AWSSDKAuth         bool              `yaml:"aws_sdk_auth"`
		AccessKey          string            `yaml:"access_key"`
		Insecure           bool              `yaml:"insecure"`
		SignatureV2        bool              `yaml:"signature_version2"`
		SecretKey          string            `yaml:"secret_key"`
		SessionToken       string            `yaml:"session_token"`
		PutUserMetadata    map[string]string `yaml:"put_user_metadata"`
		HTTPConfig         httpOptions       `yaml:"http_config"`
		Trace              traceOptions      `yaml:"trace"`
		ListObjectsVersion string            `yaml:"list_objects_version"`
		BucketLookupType   string            `yaml:"bucket_lookup_type"`
		SendContentMD5     bool              `yaml:"send_content_md5"`
		DisableMultipart   bool              `yaml:"disable_multipart"`
		PartSize           uint64            `yaml:"part_size"`
		SSEConfig          sseOptions        `yaml:"sse_config"`
		STSEndpoint        string            `yaml:"sts_endpoint"`
		MaxRetries         int               `yaml:"max_retries"`
	}
	traceOptions struct {
		Enable bool `yaml:"enable"`
	}
	sseOptions struct {
		Type                 string            `yaml:"type"`
		KMSKeyID             string            `yaml:"kms_key_id"`
		KMSEncryptionContext map[string]string `yaml:"kms_encryption_context"`
		EncryptionKey        string            `yaml:"encryption_key"`
	}
	gcsOptions struct {
		Bucket           string      `yaml:"bucket"`
		ServiceAccount   string      `yaml:"service_account"`
		UseGRPC          bool        `yaml:"use_grpc"`
		GRPCConnPoolSize int         `yaml:"grpc_conn_pool_size"`
		HTTPConfig       httpOptions `yaml:"http_config"`
		ChunkSizeBytes   int         `yaml:"chunk_size_bytes"`
		MaxRetries       int         `yaml:"max_retries"`
	}
	azureOptions struct {
		TenantID         string      `yaml:"az_tenant_id"`
		ClientID         string      `yaml:"client_id"`
		ClientSecret     string      `yaml:"client_secret"`
		StorageAccount   string      `yaml:"storage_account"`
		StorageKey       string      `yaml:"storage_account_key"`
		ConnectionString string      `yaml:"storage_connection_string"`
		CreateContainer  bool        `yaml:"storage_create_container"`
		Container        string      `yaml:"container"`
		Endpoint         string      `yaml:"endpoint"`
		UserAssignedID   string      `yaml:"user_assigned_id"`
		MaxRetries       int         `yaml:"max_retries"`
		HTTPConfig       httpOptions `yaml:"http_config"`
		MSIResource      string      `yaml:"msi_resource"`
		ReaderConfig     struct {
			MaxRetryRequests int `yaml:"max_retry_requests"`
		} `yaml:"reader_config"`
		PipelineConfig struct {
			MaxTries      int32          `yaml:"max_tries"`
			TryTimeout    model.Duration `yaml:"try_timeout"`
			RetryDelay    model.Duration `yaml:"retry_delay"`
			MaxRetryDelay model.Duration `yaml:"max_retry_delay"`
		} `yaml:"pipeline_config"`
	}
	filesystemOptions struct {
		Directory string `yaml:"directory"`
	}
	httpOptions struct {
		IdleConnTimeout       model.Duration `yaml:"idle_conn_timeout"`
		ResponseHeaderTimeout model.Duration `yaml:"response_header_timeout"`
		InsecureSkipVerify    bool           `yaml:"insecure_skip_verify"`
		TLSHandshakeTimeout   model.Duration `yaml:"tls_handshake_timeout"`
		ExpectContinueTimeout model.Duration `yaml:"expect_continue_timeout"`
		MaxIdleConns          int            `yaml:"max_idle_conns"`
		MaxIdleConnsPerHost   int            `yaml:"max_idle_conns_per_host"`
		MaxConnsPerHost       int            `yaml:"max_conns_per_host"`
		DisableCompression    bool           `yaml:"disable_compression"`
		TLSConfig             struct {
			CAFile             string `yaml:"ca_file"`
			CertFile           string `yaml:"cert_file"`
			KeyFile            string `yaml:"key_file"`
			ServerName         string `yaml:"server_name"`
			InsecureSkipVerify bool   `yaml:"insecure_skip_verify"`
		} `yaml:"tls_config"`
	}
)

// bucketOptions is implemented by the options of each kind of object store.
type bucketOptions interface {
	// problems calls report with the option, and what is wrong with it, for options that the store
	// would reject.
	problems(report func(option, message string))
	// bucket names where the objects are.
	bucket() string
}

func (o *s3Options) problems(report func(option, message string)) {
	switch {
	case o.Endpoint == "":
		report("endpoint", "missing; the host of the store, such as s3.eu-central-1.amazonaws.com")
	case strings.Contains(o.Endpoint, "/"):
		report("endpoint", fmt.Sprintf("%q; allowed: host or host:port, without a scheme", o.Endpoint))
	}
	switch {
	case o.AWSSDKAuth && o.AccessKey != "":
		report("aws_sdk_auth", "true, and longTermStorage.objectStore.secrets has an access_key; only one of them says who uploads")
	case (o.AccessKey == "") != (o.SecretKey == ""):
		report("", "access_key and secret_key belong together; set both in longTermStorage.objectStore.secrets, or neither")
	}
	switch o.SSEConfig.Type {
	case "", "SSE-S3":
	case "SSE-KMS":
		if o.SSEConfig.KMSKeyID == "" {
			report("sse_config.kms_key_id", "missing; required with type: SSE-KMS")
		}
	case "SSE-C":
		if o.SSEConfig.EncryptionKey == "" {
			report("sse_config", "encryption_key is missing in longTermStorage.objectStore.secrets; required with type: SSE-C")
		}
	default:
		report("sse_config.type", fmt.Sprintf("%q; allowed: SSE-S3, SSE-KMS, SSE-C", o.SSEConfig.Type))
	}
	if kinds := []string{"", "auto", "virtual-hosted", "path"}; !slices.Contains(kinds, o.BucketLookupType) {
		report("bucket_lookup_type", fmt.Sprintf("%q; allowed: %s", o.BucketLookupType, strings.Join(kinds[1:], ", ")))
	}
}

func (o *s3Options) bucket() string { return o.Bucket }

func (*gcsOptions) problems(func(option, message string)) {}

func (o *gcsOptions) bucket() string { return o.Bucket }

func (o *azureOptions) problems(report func(option, message string)) {
	if o.StorageAccount == "" {
		report("storage_account", "missing; the name of the storage account")
	}
	if o.StorageKey != "" && o.ConnectionString != "" {
		report("", "storage_account_key and storage_connection_string are alternatives; keep one of them in longTermStorage.objectStore.secrets")
	}
	if o.UserAssignedID != "" && (o.StorageKey != "" || o.ConnectionString != "" || o.ClientID != "") {
		report("user_assigned_id", "set besides a key or a client_id; only one of them says who uploads")
	}
	if set := o.TenantID != ""; set != (o.ClientID != "") || set != (o.ClientSecret != "") {
		report("", "az_tenant_id and client_id belong together, with client_secret in longTermStorage.objectStore.secrets; set all of them, or none")
	}
}

func (o *azureOptions) bucket() string { return o.Container }

func (o *filesystemOptions) problems(report func(option, message string)) {
	if o.Directory == "" {
		return
	}
	taken := []string{ThanosDataDir, PrometheusDataDir, ThanosDir, PrometheusDir}
	within := func(a, b string) bool { return a == b || strings.HasPrefix(a, strings.TrimSuffix(b, "/")+"/") }
	clashes := func(dir string) bool { return within(dir, o.Directory) || within(o.Directory, dir) }
	if !path.IsAbs(o.Directory) || path.Clean(o.Directory) != o.Directory || slices.ContainsFunc(taken, clashes) {
		report("directory", fmt.Sprintf("%q; allowed: a clean absolute path, neither within nor above %s", o.Directory, strings.Join(taken, ", ")))
	}
}

func (o *filesystemOptions) bucket() string { return o.Directory }

// bucketOption is the option that names where the objects are.
var bucketOption = map[config.ObjectStoreType]string{config.S3: "bucket", config.GCS: "bucket", config.Azure: "container", config.Filesystem: "directory"}

// optionsOf returns empty options of a kind of store.
func optionsOf(kind config.ObjectStoreType) bucketOptions {
	switch kind {
	case config.GCS:
		return &gcsOptions{}
	case config.Azure:
		return &azureOptions{}
	case config.Filesystem:
		return &filesystemOptions{}
	default:
		return &s3Options{}
	}
}

// Bucket is the object store of a stack.
type Bucket struct {
	File config.Secret               // as Thanos reads it: https://thanos.io/tip/thanos/storage.md/
	Env  map[string]config.SecretKey // the environment variables that File refers to, by name
	Name string                      // for people: type://bucket/prefix
	Dir  string                      // of FILESYSTEM, where its claim is mounted; empty for other stores
}

// bucket returns the stack's object store. The error is config.Problems.
func bucket(cfg *config.Config) (*Bucket, error) {
	store, path := cfg.LongTermStorage.ObjectStore, objectStorePath+".config"
	var problems config.Problems
	for _, option := range config.SecretOptions[store.Type] {
		if optionAt(store.Config, option) != nil {
			problems.Addf(path+"."+option, "in plain text; move it to %s.secrets with: %s", objectStorePath, config.SecretCommand(objectStorePath+".secrets"+quoted(option)))
		}
	}
	all, _ := cloneOptions(store.Config).(map[string]any)
	if all == nil {
		all = map[string]any{}
	}
	env := map[string]config.SecretKey{}
	for _, name := range slices.Sorted(maps.Keys(store.Secrets)) {
		var value any = store.Secrets[name].Reveal()
		if key, ok := store.Secrets[name].Existing(); ok {
			variable := bucketVariable(name)
			env[variable], value = key, valueOf(variable)
		}
		if !setOption(all, name, value) {
			parent, _, _ := strings.Cut(name, ".")
			problems.Addf(path+"."+parent, "not an object, but %s.secrets has %s", objectStorePath, name)
		}
	}
	options := optionsOf(store.Type)
	if err := loadStrictly(all, options); err != nil {
		problems.Addf(path, "%s: %s", store.Type, loaderMessage(err))
	} else {
		if options.bucket() == "" {
			problems.Addf(path+"."+bucketOption[store.Type], "missing; it names where the samples are stored")
		}
		options.problems(func(option, message string) { problems.Addf(strings.TrimSuffix(path+"."+option, "."), "%s", message) })
		problems.Add(checkPlainS3(cfg, path, options)...)
	}
	if err := problems.Err(); err != nil {
		return nil, err
	}
	text, err := marshal(map[string]any{"type": string(store.Type), "config": all, "prefix": store.Prefix})
	if err != nil {
		return nil, err
	}
	b := &Bucket{File: config.NewSecret(text), Env: env, Name: strings.ToLower(string(store.Type)) + "://" + strings.Trim(options.bucket(), "/") + "/" + store.Prefix}
	if store.Type == config.Filesystem {
		b.Dir = options.bucket()
	}
	return b, nil
}

// valueOf returns the YAML of an environment variable's value, which Thanos puts into the text of the
// file before it parses it. Single quotes keep a value in one piece that has none itself: JSON, numbers
// and all that means something to YAML. https://thanos.io/tip/thanos/storage.md/
func valueOf(variable string) *yaml.Node {
	return &yaml.Node{Kind: yaml.ScalarNode, Tag: "!!str", Style: yaml.SingleQuotedStyle, Value: "$(" + variable + ")"}
}

// bucketVariable returns the name of the environment variable with a secret option that is in an
// existing Secret.
func bucketVariable(option string) string {
	return "OBJSTORE_" + strings.ToUpper(strings.ReplaceAll(option, ".", "_"))
}

// checkPlainS3 rejects a store outside the cluster whose connections are not encrypted, unless the
// stack accepts that.
func checkPlainS3(cfg *config.Config, path string, options bucketOptions) config.Problems {
	var problems config.Problems
	s3, ok := options.(*s3Options)
	if !ok || !s3.Insecure || cfg.Prometheus.AcknowledgeInsecureRemotes {
		return problems
	}
	if !config.InCluster(hostOf(s3.Endpoint)) {
		problems.Addf(path+".insecure", "true sends samples and credentials to %s unencrypted; allowed: false, a Service of the cluster such as NAME.NAMESPACE.svc:PORT as endpoint, "+
			"or any with prometheus.acknowledgeInsecureRemotes: true", s3.Endpoint)
	}
	return problems
}

// loadStrictly decodes a native value onto a struct with yaml tags. The error names unknown fields and
// values of a wrong type.
func loadStrictly(native any, out any) error {
	text, err := marshal(native)
	if err != nil {
		return err
	}
	decoder := yaml.NewDecoder(bytes.NewReader([]byte(text)))
	decoder.KnownFields(true)
	return decoder.Decode(out)
}

// optionAt returns the value of an option with dots between the keys; nil if it is not set.
func optionAt(options map[string]any, option string) any {
	key, rest, nested := strings.Cut(option, ".")
	if !nested {
		return options[key]
	}
	below, _ := options[key].(map[string]any)
	return optionAt(below, rest)
}

// setOption sets an option with dots between the keys. It returns false if a value on the way is not an
// object.
func setOption(options map[string]any, option string, value any) bool {
	key, rest, nested := strings.Cut(option, ".")
	if !nested {
		options[key] = value
		return true
	}
	if options[key] == nil {
		options[key] = map[string]any{}
	}
	below, ok := options[key].(map[string]any)
	return ok && setOption(below, rest, value)
}

// cloneOptions returns a native value whose objects can be changed without changing it.
func cloneOptions(value any) any {
	object, ok := value.(map[string]any)
	if !ok {
		return value
	}
	clone := make(map[string]any, len(object))
	for key, element := range object {
		clone[key] = cloneOptions(element)
	}
	return clone
}

// quoted returns a name as it is written at the end of a config path: in brackets and quotes if it has a
// dot.
func quoted(name string) string {
	if strings.Contains(name, ".") {
		return fmt.Sprintf("[%q]", name)
	}
	return "." + name
}
