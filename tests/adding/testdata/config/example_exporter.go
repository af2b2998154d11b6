package config

// ExampleExporter configures the example exporter.
type ExampleExporter struct {
	// Deploy it.
	Enabled bool `json:"enabled"`
	// Compute resources of the pod.
	Resources Resources `json:"resources"`
	Scheduling
}

func defaultExampleExporter() ExampleExporter {
	return ExampleExporter{Enabled: true, Resources: resources("10m", "24Mi", "64Mi")}
}

func (e ExampleExporter) validate() Problems {
	const path = "exporters.exampleExporter"
	p := e.Resources.validate(path + ".resources")
	p.Add(e.Scheduling.validate(path)...)
	return p
}
