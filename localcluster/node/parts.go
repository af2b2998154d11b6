package node

// part is a process of the node.
type part struct {
	name string   // also of its log, NAME.log
	args []string // the command and its arguments

	stateful bool // it writes data, and needs time to end

	// ready is a URL that returns 200 once the next parts may start. If empty, they do not
	// wait.
	ready string
}

// parts returns the parts in the order in which they start. Paths and ports are inside the
// node's namespaces; see mounts.go.
func parts(cgroup string) []part {
	const (
		bin  = stateMount + "/bin/"
		conf = "/run/kubernetes/"
		pki  = conf + "pki/"
	)
	return []part{
		{
			name:     "etcd",
			stateful: true,
			ready:    "http://127.0.0.1:2379/health",
			args: []string{
				"etcd",
				"--name=" + Name,
				"--data-dir=/var/lib/etcd",
				"--listen-client-urls=http://127.0.0.1:2379",
				"--advertise-client-urls=http://127.0.0.1:2379",
				"--listen-peer-urls=http://127.0.0.1:2380",
				"--listen-metrics-urls=http://" + address + ":2381", // as on kubeadm, for pods
			},
		},
		{
			name:     "containerd",
			stateful: true,
			args:     []string{"containerd", "--config=" + conf + "containerd.toml"},
		},
		{
			name:  "kube-apiserver",
			ready: server + "/readyz",
			args: []string{
				bin + "kube-apiserver",
				"--etcd-servers=http://127.0.0.1:2379",
				"--secure-port=6443",
				"--advertise-address=" + address,
				"--service-cluster-ip-range=" + serviceRange,
				"--authorization-mode=Node,RBAC",
				"--enable-admission-plugins=NodeRestriction",
				"--allow-privileged=true", // Pod Security admission decides
				"--tls-cert-file=" + pki + "apiserver.crt",
				"--tls-private-key-file=" + pki + "apiserver.key",
				"--client-ca-file=" + pki + "ca.crt",
				// No proxy has such a certificate. Without these flags the controllers and
				// the scheduler log that they cannot authenticate proxies.
				"--requestheader-client-ca-file=" + pki + "ca.crt",
				"--requestheader-allowed-names=front-proxy-client",
				"--requestheader-username-headers=X-Remote-User",
				"--requestheader-group-headers=X-Remote-Group",
				"--requestheader-extra-headers-prefix=X-Remote-Extra-",
				"--service-account-issuer=https://kubernetes.default.svc.cluster.local",
				"--service-account-key-file=" + pki + "sa.pub",
				"--service-account-signing-key-file=" + pki + "sa.key",
				"--kubelet-certificate-authority=" + pki + "ca.crt",
				"--kubelet-client-certificate=" + pki + "apiserver-kubelet-client.crt",
				"--kubelet-client-key=" + pki + "apiserver-kubelet-client.key",
				"--kubelet-preferred-address-types=InternalIP",
			},
		},
		{
			name: "kube-controller-manager",
			args: []string{
				bin + "kube-controller-manager",
				"--kubeconfig=" + pki + "kube-controller-manager.conf",
				"--authentication-kubeconfig=" + pki + "kube-controller-manager.conf",
				"--authorization-kubeconfig=" + pki + "kube-controller-manager.conf",
				"--leader-elect=false",
				"--use-service-account-credentials",
				"--service-account-private-key-file=" + pki + "sa.key",
				"--root-ca-file=" + pki + "ca.crt",
				"--cluster-signing-cert-file=" + pki + "ca.crt",
				"--cluster-signing-key-file=" + pki + "ca.key",
				"--allocate-node-cidrs",
				"--cluster-cidr=10.244.0.0/16",
			},
		},
		{
			name: "kube-scheduler",
			args: []string{
				bin + "kube-scheduler",
				"--kubeconfig=" + pki + "kube-scheduler.conf",
				"--authentication-kubeconfig=" + pki + "kube-scheduler.conf",
				"--authorization-kubeconfig=" + pki + "kube-scheduler.conf",
				"--leader-elect=false",
			},
		},
		{
			name: "kubelet",
			args: []string{
				bin + "kubelet",
				"--config=" + conf + "kubelet.yaml",
				"--kubeconfig=" + pki + "kubelet.conf",
				"--node-ip=" + address,
				"--cgroup-root=" + cgroup,
			},
		},
		{
			name: "kube-proxy",
			args: []string{
				bin + "kube-proxy",
				"--kubeconfig=" + pki + "kube-proxy.conf",
				"--hostname-override=" + Name,
				"--cluster-cidr=10.244.0.0/16",
				"--proxy-mode=iptables",
				"--conntrack-max-per-core=0", // keeps the machine's limit
				"--metrics-bind-address=" + address + ":10249",
			},
		},
	}
}
