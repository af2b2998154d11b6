// Command emptyprogram is the least a Pulumi program can do: what benchmarks
// of the real one are measured against.
package main

import "github.com/pulumi/pulumi/sdk/v3/go/pulumi"

func main() {
	pulumi.Run(func(*pulumi.Context) error { return nil })
}
