package components

import (
	"errors"

	corev1 "github.com/pulumi/pulumi-kubernetes/sdk/v4/go/kubernetes/core/v1"
	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"

	"github.com/kubernetes-prometheus/kubernetes-prometheus/config"
	"github.com/kubernetes-prometheus/kubernetes-prometheus/render"
)

// TLS holds what programs need to serve TLS and to connect to each other, besides a certificate that exists: a
// ConfigMap and, with an issuer, a Certificate of cert-manager. Pods wait until the certificate is there, and read it
// again when it changes.
type TLS struct{ pulumi.ResourceState }

// TLSArgs configures a TLS.
type TLSArgs struct{ Site }

// NewTLS creates the ConfigMap and the Certificate.
func NewTLS(ctx *pulumi.Context, name string, args *TLSArgs, opts ...pulumi.ResourceOption) (*TLS, error) {
	a := app{name: "tls", role: "certificate"}
	return construct(ctx, "TLS", name, &TLS{}, args, opts, a, func(a app) (pulumi.Map, error) {
		if _, err := a.configMap("config", a.Stack.TLS); err != nil {
			return nil, err
		}
		tls := a.Stack.Config.TLS
		if tls.IssuerRef.Name == "" {
			return pulumi.Map{}, nil
		}
		return pulumi.Map{}, a.certificate(tls.IssuerRef, tls.SecretName, render.TLSHosts(a.Stack.Config), "server auth", "client auth")
	})
}

func (args *TLSArgs) check() error {
	if err := args.Site.check(); err != nil {
		return err
	}
	if !args.Stack.Config.TLS.Enabled() {
		return errors.New("TLSArgs needs a Stack with tls")
	}
	return nil
}

func (args *TLSArgs) inputs() pulumi.Map {
	tls := args.Stack.Config.TLS
	return pulumi.Map{"secret": pulumi.String(tls.SecretName), "clientCertificates": pulumi.Bool(tls.ClientCertificates)}
}

// DeployTLS deploys the TLS, if the stack has tls.
func DeployTLS(ctx *pulumi.Context, site Site, opts ...pulumi.ResourceOption) error {
	if !site.Stack.Config.TLS.Enabled() {
		return nil
	}
	_, err := NewTLS(ctx, "tls", &TLSArgs{site}, opts...)
	return err
}

// tlsVolume names the volume with the files of render.TLSDir.
const tlsVolume = "tls"

// addTLS mounts the certificate of tls and the files about it, if there is one.
func (a app) addTLS(spec *corev1.PodSpecArgs, container *corev1.ContainerArgs) {
	tls := a.Stack.Config.TLS
	if !tls.Enabled() {
		return
	}
	var items corev1.KeyToPathArray
	for _, key := range config.CertificateKeys {
		items = append(items, keyToPath(key, key))
	}
	addVolume(spec, &corev1.VolumeArgs{Name: pulumi.String(tlsVolume), Projected: &corev1.ProjectedVolumeSourceArgs{Sources: corev1.VolumeProjectionArray{
		configMapProjection(a.Stack.TLS.Name),
		&corev1.VolumeProjectionArgs{Secret: &corev1.SecretProjectionArgs{Name: pulumi.String(tls.SecretName), Items: items}},
	}}})
	addMount(container, readOnlyMount(tlsVolume, render.TLSDir))
}

// addAuthority mounts only the certificate of the authority that made that of tls, for a pod that presents none.
func (a app) addAuthority(spec *corev1.PodSpecArgs, container *corev1.ContainerArgs) {
	tls := a.Stack.Config.TLS
	if !tls.Enabled() {
		return
	}
	const authority = config.AuthorityKey
	addVolume(spec, &corev1.VolumeArgs{Name: pulumi.String(tlsVolume), Secret: &corev1.SecretVolumeSourceArgs{
		SecretName: pulumi.String(tls.SecretName),
		Items:      corev1.KeyToPathArray{keyToPath(authority, authority)},
	}})
	addMount(container, readOnlyMount(tlsVolume, render.TLSDir))
}

// serve completes a container whose first port a program serves, with the program's web configuration: it mounts the
// files, adds the flag to the arguments, and changes probes to what the kubelet may ask.
func (a app) serve(spec *corev1.PodSpecArgs, container *corev1.ContainerArgs, program render.Program) {
	cfg := a.Stack.Config
	if render.AsksForLogin(cfg, program.Name) {
		addLogin(spec, container)
	}
	if program.ServesTLS(cfg) {
		a.addTLS(spec, container)
	}
	a.answer(container, program)
}

// answer does what serve does, in a pod that has mounted the files for the container.
func (a app) answer(container *corev1.ContainerArgs, program render.Program) {
	cfg := a.Stack.Config
	args, _ := container.Args.(pulumi.StringArray)
	container.Args = append(args, pulumi.ToStringArray(program.WebFlags(cfg))...)
	for _, probe := range []corev1.ProbePtrInput{container.StartupProbe, container.ReadinessProbe, container.LivenessProbe} {
		p, _ := probe.(*corev1.ProbeArgs)
		if p == nil {
			continue
		}
		get, _ := p.HttpGet.(*corev1.HTTPGetActionArgs)
		switch {
		case get == nil:
		case !program.AnswersKubelet(cfg): // it could have no password but one in the pod's definition, and no certificate
			p.HttpGet, p.TcpSocket = nil, &corev1.TCPSocketActionArgs{Port: get.Port}
		case program.ServesTLS(cfg):
			get.Scheme = pulumi.String("HTTPS")
		}
	}
}
