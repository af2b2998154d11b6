package components

import (
	"maps"
	"path"
	"slices"
	"strings"
	"time"

	batchv1 "github.com/pulumi/pulumi-kubernetes/sdk/v4/go/kubernetes/batch/v1"
	corev1 "github.com/pulumi/pulumi-kubernetes/sdk/v4/go/kubernetes/core/v1"
	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"

	"github.com/kubernetes-prometheus/kubernetes-prometheus/config"
	"github.com/kubernetes-prometheus/kubernetes-prometheus/dashboards"
	"github.com/kubernetes-prometheus/kubernetes-prometheus/importer"
	"github.com/kubernetes-prometheus/kubernetes-prometheus/render"
)

// GrafanaImport pushes the datasources and dashboards through Grafana's HTTP
// API: a Job, what it sends in ConfigMaps and, for an external Grafana, the
// token in a Secret. The Job runs again when what it sends changes, and when
// it has failed.
type GrafanaImport struct{ pulumi.ResourceState }

// GrafanaImportArgs names the Grafana that is filled.
type GrafanaImportArgs struct {
	Site
	Grafana *Grafana // of this stack; nil for the one at grafana.external.url
}

const (
	grafanaImport  = "grafana-import"
	credentialsDir = "/credentials"
	tokenFile      = "token"

	// importReady is how long Grafana may take to become ready, importRetries how
	// often a pod that failed is followed by another, and importDeadline what all
	// of that may take.
	importReady    = 5 * time.Minute
	importRetries  = 2
	importDeadline = 15 * time.Minute
)

// NewGrafanaImport runs the import.
func NewGrafanaImport(ctx *pulumi.Context, name string, args *GrafanaImportArgs, opts ...pulumi.ResourceOption) (*GrafanaImport, error) {
	c := &GrafanaImport{}
	a := app{name: grafanaImport, role: "job", image: config.CurlImage}
	return c, construct(ctx, "GrafanaImport", name, c, args, opts, a, func(a app) (pulumi.Map, error) {
		return pulumi.Map{}, a.deployGrafanaImport(args.Grafana)
	})
}

func (args *GrafanaImportArgs) inputs() pulumi.Map {
	return pulumi.Map{"address": pulumi.String(args.address())}
}

// address returns the base URL of the Grafana that is filled.
func (args *GrafanaImportArgs) address() string {
	if external := args.Stack.Config.Grafana.External.URL; external != nil {
		return external.String()
	}
	return render.Grafana.URL(args.Stack.Config)
}

func (a app) deployGrafanaImport(grafana *Grafana) error {
	payload, err := importer.New(a.Stack.Datasources, a.Stack.Dashboards)
	if err != nil {
		return err
	}
	if err := a.networkPolicy(); err != nil {
		return err
	}
	var before []pulumi.Resource // a Job that starts sooner sends what was there
	var sources corev1.VolumeProjectionArray
	add := func(suffix string, configMap render.ConfigMap) error {
		created, err := a.configMap(suffix, configMap)
		before = append(before, created)
		sources = append(sources, configMapProjection(configMap.Name))
		return err
	}
	if err := add("files", render.ConfigMap{Name: a.name, Files: payload.Files}); err != nil {
		return err
	}
	byFile := func(x, y dashboards.Dashboard) int {
		return strings.Compare(importer.DashboardFile(x.UID), importer.DashboardFile(y.UID))
	}
	for _, d := range slices.SortedFunc(slices.Values(a.Stack.Dashboards), byFile) {
		configMap := render.DashboardConfigMap(a.name, d)
		file := importer.DashboardFile(d.UID)
		configMap.Files = map[string]string{file: payload.Dashboards[file]}
		if err := add("dashboard-"+d.UID, configMap); err != nil {
			return err
		}
	}

	cfg := a.Stack.Config.Grafana
	args := GrafanaImportArgs{Site: a.Site, Grafana: grafana}
	login := importer.Login{User: cfg.AdminUser, PasswordFile: path.Join(credentialsDir, config.AdminPasswordFile)}
	secret, key := grafanaSecret, config.AdminPasswordFile
	if grafana != nil {
		before = append(before, grafana)
	} else {
		login = importer.Login{TokenFile: path.Join(credentialsDir, tokenFile)}
		secret, key = a.name, tokenFile
		token, err := a.secret("secret", secret, map[string]config.Secret{tokenFile: cfg.External.Token})
		if err != nil {
			return err
		}
		before = append(before, token)
	}
	environment, err := importer.Environment(args.address(), importReady, login)
	if err != nil {
		return err
	}
	var env corev1.EnvVarArray
	for _, variable := range slices.Sorted(maps.Keys(environment)) {
		env = append(env, &corev1.EnvVarArgs{Name: pulumi.String(variable), Value: pulumi.String(environment[variable])})
	}
	spec := &corev1.PodSpecArgs{
		RestartPolicy:   pulumi.String("Never"), // the log of a pod that failed stays
		SecurityContext: a.nonRoot(nobodyUID),
		Volumes: corev1.VolumeArray{
			&corev1.VolumeArgs{Name: pulumi.String("import"), Projected: &corev1.ProjectedVolumeSourceArgs{Sources: sources}},
			&corev1.VolumeArgs{Name: pulumi.String("credentials"), Secret: &corev1.SecretVolumeSourceArgs{
				SecretName: pulumi.String(secret),
				Items:      corev1.KeyToPathArray{&corev1.KeyToPathArgs{Key: pulumi.String(key), Path: pulumi.String(key)}},
			}},
		},
		Containers: corev1.ContainerArray{a.container(&corev1.ContainerArgs{
			Name:    pulumi.String(a.name),
			Command: pulumi.ToStringArray(importer.Command()),
			Env:     env,
			// What Grafana said against a request is in the pod's status, and so in Pulumi's error.
			TerminationMessagePolicy: pulumi.String("FallbackToLogsOnError"),
			VolumeMounts: corev1.VolumeMountArray{
				readOnlyMount("import", importer.Dir),
				readOnlyMount("credentials", credentialsDir),
			},
		}, cfg.ImportResources)},
	}
	metadata := a.metadata(a.name + "-" + payload.Hash)
	metadata.Annotations = pulumi.StringMap{"pulumi.com/replaceUnready": pulumi.String("true")}
	patience := (importDeadline + time.Minute).String()
	_, err = create(a, "job", batchv1.NewJob, &batchv1.JobArgs{
		Metadata: metadata,
		Spec: &batchv1.JobSpecArgs{
			BackoffLimit:          pulumi.Int(importRetries),
			ActiveDeadlineSeconds: pulumi.Int(int(importDeadline.Seconds())),
			Template:              a.pod(spec, cfg.Scheduling, nil),
		},
	}, pulumi.DependsOn(before),
		// The old Job first, so that two never push at the same time.
		pulumi.DeleteBeforeReplace(true),
		pulumi.Timeouts(&pulumi.CustomTimeouts{Create: patience, Update: patience}))
	return err
}
