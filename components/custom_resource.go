package components

import (
	"encoding/json"

	"github.com/pulumi/pulumi-kubernetes/sdk/v4/go/kubernetes"
	"github.com/pulumi/pulumi-kubernetes/sdk/v4/go/kubernetes/apiextensions"
	metav1 "github.com/pulumi/pulumi-kubernetes/sdk/v4/go/kubernetes/meta/v1"
	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"
)

// customResource creates an object of the app whose kind the SDK has no type for. The API server must know its
// CustomResourceDefinition. spec is what the object's own type has for it, or a map.
func (a app) customResource(suffix, apiVersion, kind string, metadata *metav1.ObjectMetaArgs, spec any) error {
	text, err := json.Marshal(spec)
	if err != nil {
		return err
	}
	var fields map[string]any
	if err := json.Unmarshal(text, &fields); err != nil {
		return err
	}
	_, err = create(a, suffix, apiextensions.NewCustomResource, &apiextensions.CustomResourceArgs{
		ApiVersion:  pulumi.String(apiVersion),
		Kind:        pulumi.String(kind),
		Metadata:    metadata,
		OtherFields: kubernetes.UntypedArgs{"spec": fields},
	})
	return err
}
