package components

import (
	"fmt"
	"maps"
	"slices"

	corev1 "github.com/pulumi/pulumi-kubernetes/sdk/v4/go/kubernetes/core/v1"
	rbacv1 "github.com/pulumi/pulumi-kubernetes/sdk/v4/go/kubernetes/rbac/v1"
	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"

	"github.com/kubernetes-prometheus/kubernetes-prometheus/config"
	"github.com/kubernetes-prometheus/kubernetes-prometheus/render"
)

// account creates the app's ServiceAccount and returns its name.
func (a app) account(ctx *pulumi.Context, resource string, opts ...pulumi.ResourceOption) (pulumi.StringInput, error) {
	account, err := corev1.NewServiceAccount(ctx, resource, &corev1.ServiceAccountArgs{
		Metadata: a.metadata(a.name),
		// Pods that talk to the API say so themselves.
		AutomountServiceAccountToken: pulumi.Bool(false),
		ImagePullSecrets:             a.pullSecrets(),
	}, opts...)
	if err != nil {
		return nil, err
	}
	return account.Metadata.Name().Elem(), nil
}

// clusterRole grants rules in the whole cluster to the account.
func (a app) clusterRole(ctx *pulumi.Context, resource string, account pulumi.StringInput, rules rbacv1.PolicyRuleArray, opts ...pulumi.ResourceOption) error {
	role, err := rbacv1.NewClusterRole(ctx, resource, &rbacv1.ClusterRoleArgs{
		Metadata: a.clusterMetadata(a.name),
		Rules:    rules,
	}, opts...)
	if err != nil {
		return err
	}
	_, err = rbacv1.NewClusterRoleBinding(ctx, resource+"-binding", &rbacv1.ClusterRoleBindingArgs{
		Metadata: a.clusterMetadata(a.name),
		RoleRef:  roleRef("ClusterRole", role.Metadata.Name().Elem()),
		Subjects: a.subjects(account),
	}, opts...)
	return err
}

// namespaceRole grants rules in one namespace to the account.
func (a app) namespaceRole(ctx *pulumi.Context, resource, namespace string, account pulumi.StringInput, rules rbacv1.PolicyRuleArray, opts ...pulumi.ResourceOption) error {
	metadata := a.metadata(a.site.Config.Cluster.Namespace + "-" + a.name)
	if namespace != a.site.Config.Cluster.Namespace {
		metadata.Namespace = pulumi.String(namespace)
	}
	role, err := rbacv1.NewRole(ctx, resource, &rbacv1.RoleArgs{Metadata: metadata, Rules: rules}, opts...)
	if err != nil {
		return err
	}
	_, err = rbacv1.NewRoleBinding(ctx, resource+"-binding", &rbacv1.RoleBindingArgs{
		Metadata: metadata,
		RoleRef:  roleRef("Role", role.Metadata.Name().Elem()),
		Subjects: a.subjects(account),
	}, opts...)
	return err
}

func roleRef(kind string, name pulumi.StringInput) *rbacv1.RoleRefArgs {
	return &rbacv1.RoleRefArgs{ApiGroup: pulumi.String("rbac.authorization.k8s.io"), Kind: pulumi.String(kind), Name: name}
}

func (a app) subjects(account pulumi.StringInput) rbacv1.SubjectArray {
	return rbacv1.SubjectArray{&rbacv1.SubjectArgs{Kind: pulumi.String("ServiceAccount"), Name: account, Namespace: a.site.Namespace}}
}

// access grants Prometheus what its enabled jobs need, and no more.
func (c *Prometheus) access(ctx *pulumi.Context, name string, a app) (pulumi.StringInput, error) {
	cfg := a.site.Config
	account, err := a.account(ctx, name+"-account", pulumi.Parent(c))
	if err != nil {
		return nil, err
	}
	grants, err := render.Access(cfg)
	if err != nil {
		return nil, err
	}
	rules := map[string]rbacv1.PolicyRuleArray{} // by namespace
	for _, grant := range grants {
		rules[grant.Namespace] = append(rules[grant.Namespace], rule(grant.Group, grant.Resources, "list", "watch"))
	}
	everywhere := rules[""]
	delete(rules, "")
	if cfg.JobEnabled(config.NodesJob) || cfg.JobEnabled(config.CadvisorJob) {
		// Of the kubelets themselves, not through the API server.
		everywhere = append(everywhere, rule("", []string{"nodes/metrics"}, "get"))
	}
	everywhere = append(everywhere, controlPlaneAccess(cfg)...)
	for _, namespace := range slices.Sorted(maps.Keys(rules)) {
		if err := a.namespaceRole(ctx, fmt.Sprintf("%s-role-%s", name, namespace), namespace, account, rules[namespace], pulumi.Parent(c)); err != nil {
			return nil, err
		}
	}
	if len(everywhere) == 0 {
		return account, nil
	}
	return account, a.clusterRole(ctx, name+"-role", account, everywhere, pulumi.Parent(c))
}

// hostAccess gives the pods of spec their security context and, where the
// platform grants the host to accounts and not to namespaces, an account with
// the right to it. SELinux there hides the host's files from all but spc_t.
func (a app) hostAccess(ctx *pulumi.Context, resource string, spec *corev1.PodSpecArgs, security *corev1.PodSecurityContextArgs, opts ...pulumi.ResourceOption) error {
	spec.SecurityContext = security
	if !a.site.Config.Cluster.Profile().AssignsUsers {
		return nil
	}
	account, err := a.account(ctx, resource+"-account", opts...)
	if err != nil {
		return err
	}
	spec.ServiceAccountName = account
	security.SeLinuxOptions = &corev1.SELinuxOptionsArgs{Type: pulumi.String("spc_t")}
	_, err = rbacv1.NewRoleBinding(ctx, resource+"-host-access", &rbacv1.RoleBindingArgs{
		Metadata: a.metadata(a.name),
		RoleRef:  roleRef("ClusterRole", pulumi.String("system:openshift:scc:privileged")),
		Subjects: a.subjects(account),
	}, opts...)
	return err
}

// controlPlaneAccess is what API servers and components ask of their scraper.
func controlPlaneAccess(cfg *config.Config) rbacv1.PolicyRuleArray {
	var rules rbacv1.PolicyRuleArray
	metrics := cfg.JobEnabled(config.APIServersJob)
	for _, job := range config.ControlPlane {
		component, _ := cfg.Component(job)
		if !cfg.JobEnabled(job) {
			continue
		}
		metrics = metrics || component.Secure
		if component.APIAccess != "" {
			rules = append(rules, rule(config.EKSMetricsGroup, []string{component.APIAccess}, "get"))
		}
	}
	if metrics {
		rules = append(rules, &rbacv1.PolicyRuleArgs{
			NonResourceURLs: pulumi.ToStringArray([]string{"/metrics"}),
			Verbs:           pulumi.ToStringArray([]string{"get"}),
		})
	}
	return rules
}

func rule(group string, resources []string, verbs ...string) *rbacv1.PolicyRuleArgs {
	return &rbacv1.PolicyRuleArgs{
		ApiGroups: pulumi.ToStringArray([]string{group}),
		Resources: pulumi.ToStringArray(resources),
		Verbs:     pulumi.ToStringArray(verbs),
	}
}
