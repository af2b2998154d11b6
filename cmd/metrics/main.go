// Command metrics writes the files of metrics, which list the metrics of each
// exporter: first those that the sources of its version register, then others that scrapes
// returned, such as metrics that the program names at run time. It counts the series of the scrapes
// in series.txt.
//
//	metrics [-modules DIR] [-kubeconfig FILE] [-namespace NAME] [-out DIR] [-record DIR] [EXPORTER=SOURCE...]
//
// It reads the Go modules from which the local node's programs are built. It scrapes through
// the API server of the kubeconfig, and nothing if there is no such file. A further SOURCE
// is a path of the API server, or a file with the response of an exporter that the API
// server cannot reach, such as a scheduler.
//
// With -record, it also replaces the recordings in that directory, EXPORTER.prom.gz, by what it
// scrapes; tests/scale replays them.
//
// A metric that was scraped once remains in its file, since many programs expose a metric
// only after they have used it. To drop such metrics, delete the file.
package main

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"flag"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/prometheus/common/expfmt"
	"github.com/prometheus/common/model"
	"k8s.io/client-go/rest"
	"k8s.io/client-go/tools/clientcmd"

	"github.com/kubernetes-prometheus/kubernetes-prometheus/metrics"
)

func main() {
	modules := flag.String("modules", "localcluster/binaries", "directory of the go.mod that pins the exporters' modules")
	kubeconfig := flag.String("kubeconfig", ".local/kubeconfig", "kubeconfig of the cluster to scrape")
	namespace := flag.String("namespace", "monitoring", "namespace of the stack")
	out := flag.String("out", "metrics", "directory to write to")
	record := flag.String("record", "", "directory of recordings to replace, such as tests/scale/testdata")
	flag.Parse()
	if err := run(context.Background(), exporters, *modules, *kubeconfig, *namespace, *out, *record, flag.Args()); err != nil {
		fmt.Fprintln(os.Stderr, "metrics:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context, exporters []exporter, modules, kubeconfig, namespace, out, record string, further []string) error {
	c := &collector{found: map[string]*exposition{}, sizes: metrics.Sizes{}, recordings: record, recorded: map[string]int{}}
	if err := c.read(modules, exporters); err != nil {
		return err
	}
	if _, err := os.Stat(kubeconfig); errors.Is(err, fs.ErrNotExist) {
		fmt.Println("nothing is scraped:", err)
	} else if err := c.scrapeCluster(ctx, kubeconfig, namespace); err != nil {
		return err
	}
	for _, argument := range further {
		exporter, at, ok := strings.Cut(argument, "=")
		if !ok {
			return fmt.Errorf("%q; want EXPORTER=SOURCE", argument)
		}
		if err := c.scrape(source{exporter, at}); err != nil {
			return err
		}
	}
	for _, exporter := range slices.Sorted(maps.Keys(c.found)) {
		if err := c.found[exporter].write(out, exporter); err != nil {
			return err
		}
	}
	return writeSizes(out, c.sizes)
}

// exposition contains the metrics of an exporter.
type exposition struct {
	version string             // without a v; empty: not known
	origin  string             // of read, for the file
	read    metrics.Exposition // from the sources
	scraped metrics.Exposition
}

type collector struct {
	cluster cluster
	found   map[string]*exposition
	sizes   metrics.Sizes // of what was scraped

	recordings string         // directory of recordings to replace; empty for none
	recorded   map[string]int // metrics in the recording of an exporter
}

// of returns the exposition of an exporter, and adds it if needed.
func (c *collector) of(exporter string) *exposition {
	if c.found[exporter] == nil {
		c.found[exporter] = &exposition{read: metrics.Exposition{}, scraped: metrics.Exposition{}}
	}
	return c.found[exporter]
}

// read reads the metrics that the exporters' sources register.
func (c *collector) read(modules string, exporters []exporter) error {
	programs := map[string][]string{} // by directory of their go.mod
	for _, e := range exporters {
		programs[e.modules] = append(programs[e.modules], e.program)
	}
	found := map[string]*sources{}
	for dir, programs := range programs {
		var err error
		if found[dir], err = listSources(filepath.Join(modules, dir), programs); err != nil {
			return err
		}
	}
	for _, e := range exporters {
		sources := found[e.modules]
		linked, err := sources.linked(e.program)
		if err != nil {
			return err
		}
		found, unknown := readMetrics(sources.fileSet, linked, e.counts)
		for name, m := range found {
			if m.Open && len(e.labels) > 0 {
				m.Open, m.Labels = false, append(m.Labels, e.labels...)
				delete(found, name)
				found.Add(m)
			}
		}
		of := c.of(e.name)
		of.read, of.version = found, e.version(sources)
		of.origin = fmt.Sprintf("the sources of %s %s", e.program, sources.packages[e.program].Module.Version)
		fmt.Printf("%-28s %5d metrics from %s\n", e.name, len(found), of.origin)
		for _, place := range unknown {
			fmt.Printf("%-28s not known from the sources: %s\n", "", place)
		}
	}
	return nil
}

// scrapeCluster scrapes the API server, the nodes and the pods of a cluster.
func (c *collector) scrapeCluster(ctx context.Context, kubeconfig, namespace string) error {
	cfg, err := clientcmd.BuildConfigFromFlags("", kubeconfig)
	if err != nil {
		return err
	}
	client, err := rest.HTTPClientFor(cfg)
	if err != nil {
		return err
	}
	c.cluster = cluster{ctx, client, cfg.Host}
	sources, err := c.cluster.sources(namespace)
	if err != nil {
		return err
	}
	for _, s := range sources {
		if err := c.scrape(s); err != nil {
			return err
		}
	}
	return nil
}

// scrape adds the metrics of a source. It returns an error if the version differs from that
// of the sources.
func (c *collector) scrape(s source) error {
	var text []byte
	var err error
	if _, missing := os.Stat(s.at); missing == nil {
		text, err = os.ReadFile(s.at)
	} else {
		text, err = c.cluster.get(s.at)
	}
	if err != nil {
		return fmt.Errorf("%s: %w", s.exporter, err)
	}
	parser := expfmt.NewTextParser(model.UTF8Validation)
	families, err := parser.TextToMetricFamilies(bytes.NewReader(text))
	if err != nil {
		return fmt.Errorf("%s: %s: %w", s.exporter, s.at, err)
	}
	c.count(s.exporter, families)
	if err := c.record(s, text, len(families)); err != nil {
		return err
	}
	e := c.of(s.exporter)
	for _, family := range families {
		e.scraped.Add(metricOf(family))
		if !strings.HasSuffix(family.GetName(), "_build_info") {
			continue
		}
		version := cmp.Or(versionOf(family), e.version)
		if e.version != "" && e.version != version {
			return fmt.Errorf("%s: the cluster runs %s, and the sources are of %s", s.exporter, version, e.version)
		}
		e.version = version
	}
	fmt.Printf("%-28s %5d metrics from %s\n", s.exporter, len(families), s.at)
	return nil
}

// seen precedes the scraped metrics that were not read.
const seen = "# Seen in scrapes:\n"

// write replaces an exporter's file, and keeps the scraped metrics in it.
func (e *exposition) write(dir, exporter string) error {
	name := exporter + ".txt"
	if e.version != "" {
		name = exporter + "-v" + e.version + ".txt"
	}
	path := filepath.Join(dir, name)
	switch text, err := os.ReadFile(path); {
	case errors.Is(err, fs.ErrNotExist):
	case err != nil:
		return err
	default:
		before := string(text)
		if _, scraped, ok := strings.Cut(before, seen); ok {
			before = scraped
		}
		known, err := metrics.Parse(before)
		if err != nil {
			return fmt.Errorf("%s: %w", path, err)
		}
		for _, metric := range known {
			e.scraped.Add(metric)
		}
	}
	for name, metric := range e.scraped {
		if e.read.Has(metric) {
			delete(e.scraped, name)
		}
	}
	text := fmt.Sprintf("# What %s exposes: name type labels le. Written by `make metrics`.\n", exporter)
	if e.origin != "" {
		text += fmt.Sprintf("# Read in %s:\n%s\n", e.origin, e.read)
	}
	return os.WriteFile(path, []byte(text+seen+e.scraped.String()), 0o644)
}
