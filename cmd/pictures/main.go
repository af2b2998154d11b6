// Command pictures draws the dashboards of a stack as SVG files, from the data of a Prometheus that
// runs the stack: `make pictures STACK=dev`.
//
//	pictures [flags] FILE [UID...]
//
// It draws the shipped dashboards of a stack file, or those with the given UIDs, and prints what a
// reader of the pictures misses, such as panels without data.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"maps"
	"net/http"
	"os"
	"os/signal"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/prometheus/client_golang/api"
	promv1 "github.com/prometheus/client_golang/api/prometheus/v1"
	"k8s.io/client-go/rest"
	"k8s.io/client-go/tools/clientcmd"

	"github.com/kubernetes-prometheus/kubernetes-prometheus/config"
	"github.com/kubernetes-prometheus/kubernetes-prometheus/dashboards"
	"github.com/kubernetes-prometheus/kubernetes-prometheus/pictures"
	"github.com/kubernetes-prometheus/kubernetes-prometheus/render"
)

// variables is a flag that can be given several times: name=value.
type variables map[string]string

func (v variables) String() string { return fmt.Sprint(map[string]string(v)) }

func (v variables) Set(text string) error {
	name, value, ok := strings.Cut(text, "=")
	if !ok || name == "" {
		return errors.New("want name=value")
	}
	v[name] = value
	return nil
}

// settings are the command's flags.
type settings struct {
	prometheus, kubeconfig, out string
	span                        time.Duration
	variables                   variables
	strict                      bool
}

func main() {
	s := settings{variables: variables{}}
	flag.StringVar(&s.prometheus, "prometheus", "http://localhost:9090", "URL of Prometheus")
	flag.StringVar(&s.kubeconfig, "kubeconfig", "", "reach Prometheus through the API server of this kubeconfig instead")
	flag.StringVar(&s.out, "out", "docs/pictures", "directory to write <uid>.svg to")
	flag.DurationVar(&s.span, "range", time.Hour, "time range, up to now")
	flag.Var(s.variables, "var", "value of a variable, such as namespace=monitoring; can be given several times")
	flag.BoolVar(&s.strict, "strict", false, "exit with status 1 if a reader misses something")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	if err := run(ctx, os.Stdout, s, flag.Args()); err != nil {
		fmt.Fprintln(os.Stderr, "pictures:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context, out io.Writer, s settings, args []string) error {
	if len(args) == 0 {
		return errors.New("usage: pictures [flags] FILE [UID...]")
	}
	cfg, err := config.FromFile(args[0])
	if err != nil {
		return err
	}
	stack, err := render.New(cfg)
	if err != nil {
		return err
	}
	boards, err := selected(stack.Dashboards, args[1:])
	if err != nil {
		return err
	}
	server, err := s.server(cfg)
	if err != nil {
		return err
	}
	if err := os.MkdirAll(s.out, 0o755); err != nil {
		return err
	}
	options := pictures.Options{
		Prometheus:     server,
		ScrapeInterval: cfg.Prometheus.ScrapeInterval.Duration,
		End:            time.Now(),
		Range:          s.span,
		Variables:      s.variables,
	}
	findings, chosen := 0, map[string]bool{}
	var failed []error
	for _, d := range boards {
		picture, err := pictures.Draw(ctx, d, options)
		if err != nil {
			failed = append(failed, err)
			continue
		}
		if err := os.WriteFile(filepath.Join(s.out, d.UID+".svg"), picture.SVG, 0o644); err != nil {
			return err
		}
		fmt.Fprintf(out, "%s: %d kB\n", d.UID, len(picture.SVG)/1000)
		for _, finding := range picture.Findings {
			fmt.Fprintf(out, "%s: %s\n", d.UID, finding)
		}
		findings += len(picture.Findings)
		for _, name := range picture.Chosen {
			chosen[name] = true
		}
	}
	for _, name := range slices.Sorted(maps.Keys(s.variables)) {
		if !chosen[name] {
			findings++
			fmt.Fprintf(out, "no dashboard offers %s=%s\n", name, s.variables[name])
		}
	}
	if s.strict && findings > 0 {
		failed = append(failed, fmt.Errorf("%d findings", findings))
	}
	return errors.Join(failed...)
}

// selected returns the shipped dashboards with UIDs, or all if there are none.
func selected(all []dashboards.Dashboard, uids []string) ([]dashboards.Dashboard, error) {
	byUID := map[string]dashboards.Dashboard{}
	var shipped []dashboards.Dashboard
	for _, d := range all {
		if d.Folder != dashboards.FolderCustom {
			byUID[d.UID] = d
			shipped = append(shipped, d)
		}
	}
	if len(uids) == 0 {
		return shipped, nil
	}
	var found []dashboards.Dashboard
	for _, uid := range uids {
		d, ok := byUID[uid]
		if !ok {
			return nil, fmt.Errorf("the stack has no dashboard %q; it has %s", uid, strings.Join(slices.Sorted(maps.Keys(byUID)), ", "))
		}
		found = append(found, d)
	}
	return found, nil
}

// server returns the API of Prometheus, by its URL or through the API server.
func (s settings) server(cfg *config.Config) (promv1.API, error) {
	address, transport := s.prometheus, http.DefaultTransport
	if s.kubeconfig != "" {
		cluster, err := clientcmd.BuildConfigFromFlags("", s.kubeconfig)
		if err != nil {
			return nil, err
		}
		if transport, err = rest.TransportFor(cluster); err != nil {
			return nil, err
		}
		address = cluster.Host + "/api/v1/namespaces/" + cfg.Cluster.Namespace + "/services/prometheus:web/proxy"
	}
	client, err := api.NewClient(api.Config{Address: address, RoundTripper: transport})
	if err != nil {
		return nil, err
	}
	return promv1.NewAPI(client), nil
}
