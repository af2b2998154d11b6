package components

import (
	corev1 "github.com/pulumi/pulumi-kubernetes/sdk/v4/go/kubernetes/core/v1"
	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"

	"github.com/kubernetes-prometheus/kubernetes-prometheus/config"
	"github.com/kubernetes-prometheus/kubernetes-prometheus/dashboards"
	"github.com/kubernetes-prometheus/kubernetes-prometheus/render"
)

// Names of the sidecar's volumes, besides that of the dashboards.
const (
	apiAccessVolume     = "api-access"
	dashboardsTmpVolume = "dashboards-tmp"
)

// maxDashboards limits the files of all dashboards from ConfigMaps: who may create these must not fill the disk of a node.
const maxDashboards = "256Mi"

// addDashboardSidecar adds to Grafana's pod the container that copies dashboards from ConfigMaps into files, which
// Grafana reads every 30 seconds. Grafana starts once they are there: it would delete those that it knows, with their
// stars. Only that container has the token of the account: Grafana itself, and its plugins, may not ask the API server.
// https://kubernetes.io/docs/concepts/workloads/pods/sidecar-containers/
func (a app) addDashboardSidecar(spec *corev1.PodSpecArgs) {
	cfg := a.Stack.Config.Grafana.Dashboards.ConfigMaps
	folder := dashboards.FolderConfigMaps
	addVolume(spec, &corev1.VolumeArgs{Name: pulumi.String(folder.UID), EmptyDir: &corev1.EmptyDirVolumeSourceArgs{SizeLimit: pulumi.String(maxDashboards)}})
	addVolume(spec, &corev1.VolumeArgs{Name: pulumi.String(dashboardsTmpVolume), EmptyDir: &corev1.EmptyDirVolumeSourceArgs{SizeLimit: pulumi.String(maxDashboards)}})
	addVolume(spec, apiAccess())
	grafana := spec.Containers.(corev1.ContainerArray)[0].(*corev1.ContainerArgs)
	addMount(grafana, readOnlyMount(folder.UID, render.DashboardDir(folder)))
	// Healthy once it has read all ConfigMaps. There is no other probe: Grafana stays in its Service, and this container
	// asks again, while the API server does not answer.
	started := probe("/healthz", "", 5, 60)
	started.HttpGet = &corev1.HTTPGetActionArgs{Path: pulumi.String("/healthz"), Port: pulumi.Int(render.DashboardSidecarPort)}
	a.image = config.K8sSidecarImage
	before, _ := spec.InitContainers.(corev1.ContainerArray)
	spec.InitContainers = append(before, a.container(&corev1.ContainerArgs{
		Name:          pulumi.String(render.DashboardSidecar),
		RestartPolicy: pulumi.String("Always"),
		Env:           environment(render.DashboardSidecarEnv(cfg)),
		StartupProbe:  started,
		VolumeMounts: corev1.VolumeMountArray{
			mount(folder.UID, render.DashboardDir(folder)),
			mount(dashboardsTmpVolume, "/tmp"),
			readOnlyMount(apiAccessVolume, render.ServiceAccountDir),
		},
	}, cfg.Resources))
}

// apiAccess returns the volume with which Kubernetes gives containers access to the API server, for some containers of a
// pod:
// https://kubernetes.io/docs/reference/access-authn-authz/service-accounts-admin/#bound-service-account-token-volume
func apiAccess() *corev1.VolumeArgs {
	return &corev1.VolumeArgs{Name: pulumi.String(apiAccessVolume), Projected: &corev1.ProjectedVolumeSourceArgs{Sources: corev1.VolumeProjectionArray{
		&corev1.VolumeProjectionArgs{ServiceAccountToken: &corev1.ServiceAccountTokenProjectionArgs{Path: pulumi.String("token"), ExpirationSeconds: pulumi.Int(3607)}},
		&corev1.VolumeProjectionArgs{ConfigMap: &corev1.ConfigMapProjectionArgs{
			Name: pulumi.String("kube-root-ca.crt"), Items: corev1.KeyToPathArray{keyToPath("ca.crt", "ca.crt")},
		}},
		&corev1.VolumeProjectionArgs{DownwardAPI: &corev1.DownwardAPIProjectionArgs{Items: corev1.DownwardAPIVolumeFileArray{&corev1.DownwardAPIVolumeFileArgs{
			Path: pulumi.String("namespace"), FieldRef: &corev1.ObjectFieldSelectorArgs{FieldPath: pulumi.String("metadata.namespace")},
		}}}},
	}}}
}
