package components

import (
	"errors"
	"maps"
	"path"
	"slices"
	"time"

	batchv1 "github.com/pulumi/pulumi-kubernetes/sdk/v4/go/kubernetes/batch/v1"
	corev1 "github.com/pulumi/pulumi-kubernetes/sdk/v4/go/kubernetes/core/v1"
	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"

	"github.com/kubernetes-prometheus/kubernetes-prometheus/config"
	"github.com/kubernetes-prometheus/kubernetes-prometheus/importer"
	"github.com/kubernetes-prometheus/kubernetes-prometheus/render"
)

// GrafanaImport writes the datasources and dashboards through Grafana's HTTP API: a Job,
// ConfigMaps with what it sends, a NetworkPolicy and, if there are any, a Secret with the token of an
// external Grafana, unless that is in an existing one, and with datasources that have a password. The
// Job runs again when what it sends changes, and when it has failed.
type GrafanaImport struct{ pulumi.ResourceState }

// GrafanaImportArgs configures a GrafanaImport.
type GrafanaImportArgs struct {
	Site
	Grafana *Grafana // that is filled; nil for the one at grafana.external.url
}

const (
	credentialsDir = "/credentials" // mount path of the file with the password or token
	tokenFile      = "token"        // key of the token in the Secret, and file below credentialsDir

	importReady    = 5 * time.Minute  // limit for Grafana to become ready
	importRetries  = 2                // pods that follow one that failed
	importDeadline = 15 * time.Minute // limit for all pods together
)

// NewGrafanaImport creates the job, which runs at once.
func NewGrafanaImport(ctx *pulumi.Context, name string, args *GrafanaImportArgs, opts ...pulumi.ResourceOption) (*GrafanaImport, error) {
	c := &GrafanaImport{}
	a := app{name: render.GrafanaImport, role: "job", image: config.CurlImage}
	return construct(ctx, "GrafanaImport", name, c, args, opts, a, func(a app) (pulumi.Map, error) {
		return pulumi.Map{}, a.deployGrafanaImport(args)
	})
}

func (args *GrafanaImportArgs) check() error {
	if err := args.Site.check(); err != nil {
		return err
	}
	if args.Stack.Import == nil {
		return errors.New("GrafanaImportArgs needs a stack with grafana.import: job")
	}
	if args.Grafana == nil && args.Stack.Config.Grafana.External.URL == nil {
		return errors.New("GrafanaImportArgs needs a Grafana, or a stack with grafana.external.url")
	}
	return nil
}

func (args *GrafanaImportArgs) inputs() pulumi.Map {
	return pulumi.Map{"address": pulumi.String(args.address())}
}

// address returns the base URL of the Grafana that the job fills.
func (args *GrafanaImportArgs) address() string {
	if external := args.Stack.Config.Grafana.External.URL; external != nil {
		return external.String()
	}
	return render.Grafana.URL(args.Stack.Config)
}

func (a app) deployGrafanaImport(args *GrafanaImportArgs) error {
	if err := a.networkPolicy(); err != nil {
		return err
	}
	var before []pulumi.Resource // a Job that starts earlier sends the old files
	var sources corev1.VolumeProjectionArray
	add := func(suffix string, configMap render.ConfigMap) error {
		created, err := a.configMap(suffix, configMap)
		before = append(before, created)
		sources = append(sources, configMapProjection(configMap.Name))
		return err
	}
	if err := add("files", a.Stack.Import.Files); err != nil {
		return err
	}
	for _, d := range a.Stack.Import.Dashboards {
		if err := add("dashboard-"+d.UID, d.ConfigMap); err != nil {
			return err
		}
	}

	cfg, values := a.Stack.Config.Grafana, maps.Clone(a.Stack.Import.Secret)
	login := importer.Login{User: cfg.AdminUser, PasswordFile: path.Join(credentialsDir, config.AdminPasswordFile)}
	file := config.AdminPasswordFile
	secret, key := secretKey(config.GrafanaSecret, file, cfg.AdminPassword)
	if args.Grafana != nil {
		before = append(before, args.Grafana)
	} else {
		file = tokenFile
		login = importer.Login{TokenFile: path.Join(credentialsDir, file)}
		secret, key = secretKey(config.GrafanaImportSecret, file, cfg.External.Token)
		values[file] = cfg.External.Token
	}
	own, err := a.secret("secret", config.GrafanaImportSecret, values)
	if err != nil {
		return err
	}
	if own != nil {
		before = append(before, own)
	}
	var annotations pulumi.StringMap
	if datasources := a.Stack.Import.Secret; len(datasources) > 0 {
		var items corev1.KeyToPathArray
		for _, file := range slices.Sorted(maps.Keys(datasources)) {
			items = append(items, keyToPath(file, file))
		}
		sources = append(sources, &corev1.VolumeProjectionArgs{Secret: &corev1.SecretProjectionArgs{
			Name: pulumi.String(config.GrafanaImportSecret), Items: items,
		}})
		annotations = pulumi.StringMap{"version/secret": own.Metadata.ResourceVersion().Elem()} // which a new password changes
	}
	env, err := importer.Environment(args.address(), importReady, login)
	if err != nil {
		return err
	}
	spec := &corev1.PodSpecArgs{
		RestartPolicy:   pulumi.String("Never"), // keeps the log of a pod that failed
		SecurityContext: a.nonRoot(nobodyUID),
		Volumes: corev1.VolumeArray{
			&corev1.VolumeArgs{Name: pulumi.String("import"), Projected: &corev1.ProjectedVolumeSourceArgs{Sources: sources}},
			&corev1.VolumeArgs{Name: pulumi.String("credentials"), Secret: &corev1.SecretVolumeSourceArgs{
				SecretName: pulumi.String(secret),
				Items:      corev1.KeyToPathArray{keyToPath(key, file)},
			}},
		},
		Containers: corev1.ContainerArray{a.container(&corev1.ContainerArgs{
			Name:    pulumi.String(a.name),
			Command: pulumi.ToStringArray(importer.Command()),
			Env:     environment(env),
			// Puts Grafana's answer to a rejected request into the pod's status, and so into
			// Pulumi's error.
			TerminationMessagePolicy: pulumi.String("FallbackToLogsOnError"),
			VolumeMounts: corev1.VolumeMountArray{
				readOnlyMount("import", importer.Dir),
				readOnlyMount("credentials", credentialsDir),
			},
		}, cfg.ImportResources)},
	}
	scheduling := cfg.Scheduling
	scheduling.Pod = scheduling.Pod.WithoutContainers()
	metadata := a.metadata(a.name + "-" + a.Stack.Import.Hash)
	metadata.Annotations = pulumi.StringMap{"pulumi.com/replaceUnready": pulumi.String("true")}
	timeout := (importDeadline + time.Minute).String()
	_, err = create(a, "job", batchv1.NewJob, &batchv1.JobArgs{
		Metadata: metadata,
		Spec: &batchv1.JobSpecArgs{
			BackoffLimit:          pulumi.Int(importRetries),
			ActiveDeadlineSeconds: pulumi.Int(int(importDeadline.Seconds())),
			Template:              a.pod(spec, scheduling, annotations),
		},
	}, pulumi.DependsOn(before),
		// Two jobs never write at the same time.
		pulumi.DeleteBeforeReplace(true),
		pulumi.Timeouts(&pulumi.CustomTimeouts{Create: timeout, Update: timeout}))
	return err
}
