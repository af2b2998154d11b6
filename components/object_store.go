package components

import (
	"errors"

	corev1 "github.com/pulumi/pulumi-kubernetes/sdk/v4/go/kubernetes/core/v1"
	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"

	"github.com/kubernetes-prometheus/kubernetes-prometheus/config"
)

// ObjectStore is what pods need to reach the object store: a Secret with its configuration, and the
// ServiceAccount of the pods that read it.
type ObjectStore struct {
	pulumi.ResourceState

	Secret *corev1.Secret      // with the configuration
	Bucket pulumi.StringOutput `pulumi:"bucket"` // type://bucket/prefix, for people

	account     config.ServiceAccount       // of the pods of the store gateway, the compactor and the ruler
	accountName pulumi.StringInput          // of their ServiceAccount
	claim, dir  string                      // volume of FILESYSTEM, and where it is mounted; empty for other stores
	env         map[string]config.SecretKey // variables that the configuration refers to
}

// ObjectStoreArgs configures an ObjectStore.
type ObjectStoreArgs struct{ Site }

// objectStoreFile is the key of the configuration in the Secret, and the name of its file.
const objectStoreFile = "objstore.yaml"

// NewObjectStore creates the Secret and the ServiceAccount.
func NewObjectStore(ctx *pulumi.Context, name string, args *ObjectStoreArgs, opts ...pulumi.ResourceOption) (*ObjectStore, error) {
	c := &ObjectStore{}
	a := app{name: "thanos", role: "object-store"}
	return construct(ctx, "ObjectStore", name, c, args, opts, a, func(a app) (pulumi.Map, error) {
		cfg, bucket := a.Stack.Config.LongTermStorage, a.Stack.Thanos.Bucket
		c.Bucket = pulumi.String(bucket.Name).ToStringOutput()
		c.claim, c.dir, c.env = cfg.ObjectStore.Claim, bucket.Dir, bucket.Env
		c.account, a.account = cfg.ServiceAccount, cfg.ServiceAccount
		var err error
		if c.Secret, err = a.secret("secret", config.ObjectStoreSecret, map[string]config.Secret{objectStoreFile: bucket.File}); err != nil {
			return nil, err
		}
		c.accountName, err = a.serviceAccount()
		return pulumi.Map{"bucket": c.Bucket}, err
	})
}

func (args *ObjectStoreArgs) check() error {
	if err := args.checkThanos(); err != nil {
		return err
	}
	if args.Stack.Thanos.Bucket == nil {
		return errors.New("ObjectStoreArgs needs a Stack with a Prometheus")
	}
	return nil
}

func (args *ObjectStoreArgs) inputs() pulumi.Map {
	return pulumi.Map{"type": pulumi.String(string(args.Stack.Config.LongTermStorage.ObjectStore.Type))}
}
