// Command docs writes the reference of the stack config into README.md and the
// keys into Pulumi.yaml, both from the types, comments and defaults of package
// config. Run it in the root of the work tree: `make docs`.
//
// A field's comment is its description. A last sentence that starts with
// "Required" marks a key that has to be set; a last clause "; X unless set." says
// in words what the value of an unset key is.
package main

import (
	"bytes"
	"fmt"
	"os"
	"reflect"

	"github.com/kubernetes-prometheus/kubernetes-prometheus/config"
)

func main() {
	for _, doc := range documents {
		if err := doc.update("."); err != nil {
			fmt.Fprintln(os.Stderr, "docs:", err)
			os.Exit(1)
		}
	}
}

// document is a file of which a part is generated.
type document struct {
	name     string
	generate func(old []byte, keys []key, types typeDocs) ([]byte, error)
}

var documents = []document{
	{"README.md", writeReference},
	{"Pulumi.yaml", writeProject},
}

// render returns the document of the work tree as it is and as it should be.
func (d document) render(root string) (is, should []byte, err error) {
	types, err := parseTypes(root + "/config")
	if err != nil {
		return nil, nil, err
	}
	keys, err := keysOf(reflect.ValueOf(config.Default()), types)
	if err != nil {
		return nil, nil, err
	}
	if is, err = os.ReadFile(root + "/" + d.name); err != nil {
		return nil, nil, err
	}
	if should, err = d.generate(is, keys, types); err != nil {
		return nil, nil, fmt.Errorf("%s: %w", d.name, err)
	}
	return is, should, nil
}

func (d document) update(root string) error {
	is, should, err := d.render(root)
	if err != nil || bytes.Equal(is, should) {
		return err
	}
	fmt.Println("writing", d.name)
	return os.WriteFile(root+"/"+d.name, should, 0o644)
}
