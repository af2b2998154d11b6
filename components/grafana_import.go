package components

import (
	"fmt"
	"maps"
	"path"
	"slices"
	"strings"
	"time"

	batchv1 "github.com/pulumi/pulumi-kubernetes/sdk/v4/go/kubernetes/batch/v1"
	corev1 "github.com/pulumi/pulumi-kubernetes/sdk/v4/go/kubernetes/core/v1"
	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"

	"github.com/kubernetes-prometheus/kubernetes-prometheus/config"
	"github.com/kubernetes-prometheus/kubernetes-prometheus/importer"
	"github.com/kubernetes-prometheus/kubernetes-prometheus/render"
)

// GrafanaImport pushes the datasources and dashboards through Grafana's HTTP
// API: a Job, what it sends in ConfigMaps and, for an external Grafana, the
// token in a Secret. The Job runs again when what it sends changes, and when
// it has failed.
type GrafanaImport struct{ pulumi.ResourceState }

// GrafanaImportArgs say which Grafana is filled.
type GrafanaImportArgs struct {
	Site
	Grafana *Grafana // of this stack; nil for that at grafana.external.url
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

// NewGrafanaImport runs the import. It fails, before any object exists, with
// what is wrong with a dashboard.
func NewGrafanaImport(ctx *pulumi.Context, name string, args *GrafanaImportArgs, opts ...pulumi.ResourceOption) (*GrafanaImport, error) {
	all, err := render.Dashboards(args.Config)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", name, err)
	}
	payload, err := importer.New(render.Datasources(args.Config), all)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", name, err)
	}
	c := &GrafanaImport{}
	if err := register(ctx, "GrafanaImport", name, c, opts...); err != nil {
		return nil, err
	}
	a := app{site: args.Site, name: grafanaImport, role: "job", image: config.CurlImage}
	if err := c.deploy(ctx, name, a, args.Grafana, payload); err != nil {
		return nil, fmt.Errorf("%s: %w", name, err)
	}
	return c, ctx.RegisterResourceOutputs(c, pulumi.Map{})
}

func (c *GrafanaImport) deploy(ctx *pulumi.Context, name string, a app, grafana *Grafana, payload *importer.Payload) error {
	if err := a.admit(ctx, name+"-network", nil, pulumi.Parent(c)); err != nil {
		return err
	}
	var before []pulumi.Resource // a Job that starts sooner sends what was there
	var sources corev1.VolumeProjectionArray
	add := func(resource, configMap string, files map[string]string) error {
		created, err := corev1.NewConfigMap(ctx, resource, &corev1.ConfigMapArgs{
			Metadata: a.metadata(configMap),
			Data:     pulumi.ToStringMap(files),
		}, pulumi.Parent(c))
		before = append(before, created)
		sources = append(sources, configMapProjection(configMap))
		return err
	}
	if err := add(name+"-files", a.name, payload.Files); err != nil {
		return err
	}
	for _, file := range slices.Sorted(maps.Keys(payload.Dashboards)) {
		uid := strings.TrimSuffix(strings.TrimPrefix(file, "dashboard."), ".json")
		if err := add(name+"-dashboard-"+uid, render.DashboardObject(a.name, uid), map[string]string{file: payload.Dashboards[file]}); err != nil {
			return err
		}
	}

	cfg := a.site.Config.Grafana
	address := "http://" + render.ServiceAddress(a.site.Config, "grafana", grafanaWeb.number)
	login := importer.Login{User: cfg.AdminUser, PasswordFile: path.Join(credentialsDir, config.AdminPasswordFile)}
	secret, key := grafanaSecret, config.AdminPasswordFile
	if grafana != nil {
		before = append(before, grafana)
	} else {
		address = cfg.External.URL.String()
		login = importer.Login{TokenFile: path.Join(credentialsDir, tokenFile)}
		secret, key = a.name, tokenFile
		token, err := a.secret(ctx, name+"-secret", secret, map[string]config.Secret{tokenFile: cfg.External.Token}, pulumi.Parent(c))
		if err != nil {
			return err
		}
		before = append(before, token)
	}
	environment, err := importer.Environment(address, importReady, login)
	if err != nil {
		return err
	}
	var env corev1.EnvVarArray
	for _, variable := range slices.Sorted(maps.Keys(environment)) {
		env = append(env, &corev1.EnvVarArgs{Name: pulumi.String(variable), Value: pulumi.String(environment[variable])})
	}
	spec := &corev1.PodSpecArgs{
		RestartPolicy:   pulumi.String("Never"), // the log of a pod that failed stays
		SecurityContext: a.nonRoot(nobody),
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
	_, err = batchv1.NewJob(ctx, name+"-job", &batchv1.JobArgs{
		Metadata: metadata,
		Spec: &batchv1.JobSpecArgs{
			BackoffLimit:          pulumi.Int(importRetries),
			ActiveDeadlineSeconds: pulumi.Int(int(importDeadline.Seconds())),
			Template:              a.pod(spec, cfg.Scheduling, nil),
		},
	}, pulumi.Parent(c), pulumi.DependsOn(before),
		// The old Job first, so that two never push at the same time.
		pulumi.DeleteBeforeReplace(true),
		pulumi.Timeouts(&pulumi.CustomTimeouts{Create: patience, Update: patience}))
	return err
}
