package components

import (
	"maps"
	"slices"

	corev1 "github.com/pulumi/pulumi-kubernetes/sdk/v4/go/kubernetes/core/v1"
	rbacv1 "github.com/pulumi/pulumi-kubernetes/sdk/v4/go/kubernetes/rbac/v1"
	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"

	"github.com/kubernetes-prometheus/kubernetes-prometheus/config"
	"github.com/kubernetes-prometheus/kubernetes-prometheus/render"
)

// serviceAccount creates the app's ServiceAccount, without any rights, and returns its name.
func (a app) serviceAccount() (pulumi.StringInput, error) {
	metadata := a.metadata(a.name)
	if annotations := a.account.Annotations; len(annotations) > 0 {
		metadata.Annotations = pulumi.ToStringMap(annotations)
	}
	account, err := create(a, "account", corev1.NewServiceAccount, &corev1.ServiceAccountArgs{
		Metadata: metadata,
		// Pods that call the Kubernetes API mount the token explicitly.
		AutomountServiceAccountToken: pulumi.Bool(false),
		ImagePullSecrets:             a.pullSecrets(),
	})
	if err != nil {
		return nil, err
	}
	return account.Metadata.Name().Elem(), nil
}

// identity creates the app's ServiceAccount if the stack gives it annotations, which a cloud reads, and returns
// its name; otherwise nil, for the default account of the namespace.
func (a app) identity() (pulumi.StringPtrInput, error) {
	if len(a.account.Annotations) == 0 {
		return nil, nil
	}
	return a.serviceAccount()
}

// clusterRole grants rules to the ServiceAccount called account, in the whole cluster.
func (a app) clusterRole(account pulumi.StringInput, rules rbacv1.PolicyRuleArray) error {
	role, err := create(a, "role", rbacv1.NewClusterRole, &rbacv1.ClusterRoleArgs{
		Metadata: a.clusterMetadata(a.name),
		Rules:    rules,
	})
	if err != nil {
		return err
	}
	_, err = create(a, "role-binding", rbacv1.NewClusterRoleBinding, &rbacv1.ClusterRoleBindingArgs{
		Metadata: a.clusterMetadata(a.name),
		RoleRef:  roleRef("ClusterRole", role.Metadata.Name().Elem()),
		Subjects: a.subjects(account),
	})
	return err
}

// namespaceRole grants rules to the ServiceAccount called account, in one namespace.
func (a app) namespaceRole(suffix, namespace string, account pulumi.StringInput, rules rbacv1.PolicyRuleArray) error {
	own := a.Stack.Config.Cluster.Namespace
	metadata := a.metadata(own + "-" + a.name)
	if namespace != own {
		metadata.Namespace = pulumi.String(namespace)
	}
	role, err := create(a, suffix, rbacv1.NewRole, &rbacv1.RoleArgs{Metadata: metadata, Rules: rules})
	if err != nil {
		return err
	}
	_, err = create(a, suffix+"-binding", rbacv1.NewRoleBinding, &rbacv1.RoleBindingArgs{
		Metadata: metadata,
		RoleRef:  roleRef("Role", role.Metadata.Name().Elem()),
		Subjects: a.subjects(account),
	})
	return err
}

// roleRef refers to a Role or ClusterRole in a binding.
func roleRef(kind string, name pulumi.StringInput) *rbacv1.RoleRefArgs {
	return &rbacv1.RoleRefArgs{ApiGroup: pulumi.String("rbac.authorization.k8s.io"), Kind: pulumi.String(kind), Name: name}
}

// subjects returns the ServiceAccount called account as the only subject of a binding.
func (a app) subjects(account pulumi.StringInput) rbacv1.SubjectArray {
	return rbacv1.SubjectArray{&rbacv1.SubjectArgs{Kind: pulumi.String("ServiceAccount"), Name: account, Namespace: a.Namespace}}
}

// grantedAccount creates the app's ServiceAccount with the rights in grants, and returns its name.
func (a app) grantedAccount(grants []render.Grant) (pulumi.StringInput, error) {
	account, err := a.serviceAccount()
	if err != nil {
		return nil, err
	}
	rules := map[string]rbacv1.PolicyRuleArray{} // by namespace; empty for the whole cluster
	for _, grant := range grants {
		rules[grant.Namespace] = append(rules[grant.Namespace], policyRule(grant))
	}
	for _, namespace := range slices.Sorted(maps.Keys(rules)) {
		if namespace == "" {
			err = a.clusterRole(account, rules[namespace])
		} else {
			err = a.namespaceRole("role-"+namespace, namespace, account, rules[namespace])
		}
		if err != nil {
			return nil, err
		}
	}
	return account, nil
}

// policyRule returns a grant as a rule of a Role or ClusterRole.
func policyRule(grant render.Grant) *rbacv1.PolicyRuleArgs {
	rule := &rbacv1.PolicyRuleArgs{Verbs: pulumi.ToStringArray(grant.Verbs)}
	if len(grant.URLs) > 0 {
		rule.NonResourceURLs = pulumi.ToStringArray(grant.URLs)
		return rule
	}
	rule.ApiGroups = pulumi.ToStringArray([]string{grant.Group})
	rule.Resources = pulumi.ToStringArray(grant.Resources)
	return rule
}

// hostAccess sets the security context of pods that use the host. On OpenShift, which lets
// ServiceAccounts and not namespaces use the host, it also gives them a ServiceAccount that
// may, and the SELinux type spc_t: others do not see the host's files.
func (a app) hostAccess(spec *corev1.PodSpecArgs, security *corev1.PodSecurityContextArgs) error {
	spec.SecurityContext = security
	if !a.Stack.Config.Cluster.Profile().AssignsUsers {
		return nil
	}
	account, err := a.serviceAccount()
	if err != nil {
		return err
	}
	spec.ServiceAccountName = account
	if a.os != config.Windows {
		security.SeLinuxOptions = &corev1.SELinuxOptionsArgs{Type: pulumi.String("spc_t")}
	}
	_, err = create(a, "host-access", rbacv1.NewRoleBinding, &rbacv1.RoleBindingArgs{
		Metadata: a.metadata(a.name),
		RoleRef:  roleRef("ClusterRole", pulumi.String("system:openshift:scc:privileged")),
		Subjects: a.subjects(account),
	})
	return err
}
