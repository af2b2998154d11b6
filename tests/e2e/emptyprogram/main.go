// Command emptyprogram is the smallest Pulumi program, to which benchmarks compare the real
// one.
package main

import "github.com/pulumi/pulumi/sdk/v3/go/pulumi"

func main() {
	pulumi.Run(func(*pulumi.Context) error { return nil })
}
