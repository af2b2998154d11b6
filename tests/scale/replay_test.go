//go:build scale

package scale

import (
	"bufio"
	"bytes"
	"compress/gzip"
	"fmt"
	"io"
	"net/http"
	"os"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"
)

// podsPerNode is the number of pods on each node that TestScale simulates.
const podsPerNode = 30

// nodesPerNamespace is the number of nodes whose pods are in the same namespaces.
const nodesPerNamespace = 20

// mark stands in a recorded line for what differs between copies of it.
type mark byte

const (
	literal mark = iota
	podMark
	namespaceMark
	nodeMark
)

// segment is a part of a line: a text, or a mark.
type segment struct {
	mark mark
	text string
}

// growth is what a line is copied for.
type growth byte

const (
	once growth = iota
	eachNode
	eachPod
)

// line is a recorded sample, or a line of metadata, which has no value.
type line struct {
	segments []segment
	growth   growth
	value    float64
	counter  bool // whether its value advances
	comment  bool
}

// recording is a recorded exposition.
type recording struct {
	lines []line
	pods  []recordedPod // that it names, by name
}

// recordedPod is a pod of the node whose expositions are recorded.
type recordedPod struct {
	namespace, name string
	containers      []string
}

var (
	label          = regexp.MustCompile(`(pod|namespace|node)="([^"]+)"`)
	containerLabel = regexp.MustCompile(`[{,]container="([^"]+)"`)
)

// load reads a recording from testdata. Lines that name a pod are copied for each pod. If the
// exporter describes objects, so are those that name only a namespace, and those that name a node for
// each node.
func load(exporter string, describesObjects bool) (*recording, error) {
	file, err := os.Open("testdata/" + exporter + ".prom.gz")
	if err != nil {
		return nil, err
	}
	defer file.Close()
	text, err := gzip.NewReader(file)
	if err != nil {
		return nil, err
	}
	r, counter := &recording{}, false
	scanner := bufio.NewScanner(text)
	scanner.Buffer(nil, 1<<20)
	for scanner.Scan() {
		recorded := scanner.Text()
		if strings.HasPrefix(recorded, "#") {
			if strings.HasPrefix(recorded, "# TYPE") {
				counter = !strings.HasSuffix(recorded, " gauge") && !strings.HasSuffix(recorded, " untyped")
			}
			r.lines = append(r.lines, line{comment: true, segments: []segment{{text: recorded}}})
			continue
		}
		end := strings.LastIndexByte(recorded, '}') + 1
		if end == 0 {
			end = strings.IndexByte(recorded, ' ')
		}
		value, err := strconv.ParseFloat(strings.Fields(recorded[end:])[0], 64)
		if err != nil {
			return nil, fmt.Errorf("%s: %q: %w", exporter, recorded, err)
		}
		l := line{value: value, counter: counter}
		found := label.FindAllStringSubmatchIndex(recorded[:end], -1)
		at, pod := 0, recordedPod{}
		for _, m := range found {
			if m[0] > 0 && recorded[m[0]-1] != '{' && recorded[m[0]-1] != ',' {
				continue // the end of a longer name
			}
			marked := segment{mark: podMark}
			switch recorded[m[2]:m[3]] {
			case "pod":
				l.growth = eachPod
				pod.name = recorded[m[4]:m[5]]
			case "namespace":
				marked.mark = namespaceMark
				pod.namespace = recorded[m[4]:m[5]]
				if describesObjects {
					l.growth = eachPod
				}
			case "node":
				marked.mark = nodeMark
				if describesObjects && l.growth == once {
					l.growth = eachNode
				}
			}
			l.segments = append(l.segments, segment{text: recorded[at:m[5]]}, marked)
			at = m[5]
		}
		l.segments = append(l.segments, segment{text: recorded[at:end]})
		r.lines = append(r.lines, l)
		if pod.name != "" {
			r.addPod(pod, containerLabel.FindStringSubmatch(recorded[:end]))
		}
	}
	return r, scanner.Err()
}

// addPod adds a pod, unless the recording has it, and the container that a label names, if any.
func (r *recording) addPod(pod recordedPod, container []string) {
	i, known := slices.BinarySearchFunc(r.pods, pod, func(a, b recordedPod) int { return strings.Compare(a.name, b.name) })
	if !known {
		r.pods = slices.Insert(r.pods, i, pod)
	}
	if p := &r.pods[i]; container != nil && !slices.Contains(p.containers, container[1]) {
		p.containers = append(p.containers, container[1])
	}
}

// podSuffix and namespaceSuffix end the names of a copy of a recorded pod, and of its namespace.
func podSuffix(node, copied int) string { return strconv.Itoa(node) + "-" + strconv.Itoa(copied) }
func namespaceSuffix(node, copied, copies int) string {
	return strconv.Itoa(node/nodesPerNamespace*copies + copied)
}

// write writes the exposition of a number of nodes from the first on, at a step of time: lines
// without copies once, the others for each node, or for each pod of the recording as often as is
// needed for the pods of these nodes. Of a map of families, only those are written.
func (r *recording) write(w io.Writer, first, nodes, podsPerNode int, step float64, reported map[string]bool) error {
	var text []byte
	pods := max(1, len(r.pods))
	skipped := false
	for i := range r.lines {
		l := &r.lines[i]
		if l.comment && reported != nil {
			skipped = !reported[strings.Fields(l.segments[0].text)[2]]
		}
		switch {
		case skipped:
		case l.comment:
			text = append(append(text, l.segments[0].text...), '\n')
		case l.growth == eachNode:
			for n := first; n < first+nodes; n++ {
				text = l.append(text, step, "", "", strconv.Itoa(n))
			}
		case l.growth == eachPod:
			copies := nodes * podsPerNode / pods
			for c := range copies {
				n := first + c*pods/podsPerNode
				text = l.append(text, step, podSuffix(n, c), namespaceSuffix(first, c, copies), strconv.Itoa(n))
			}
		default:
			text = l.append(text, step, "", "", strconv.Itoa(first))
		}
		if len(text) < 1<<16 && i < len(r.lines)-1 {
			continue
		}
		if _, err := w.Write(text); err != nil {
			return err
		}
		text = text[:0]
	}
	return nil
}

// append appends one copy of a line to a text.
func (l *line) append(text []byte, step float64, pod, namespace, node string) []byte {
	for _, s := range l.segments {
		switch s.mark {
		case podMark:
			text = append(append(text, '-'), pod...)
		case namespaceMark:
			text = append(append(text, '-'), namespace...)
		case nodeMark:
			text = append(append(text, '-'), node...)
		default:
			text = append(text, s.text...)
		}
	}
	value := l.value
	if l.counter {
		value += step * float64(int64((l.value+99)/100)) // buckets stay in order, and counts whole
	}
	return append(strconv.AppendFloat(append(text, ' '), value, 'g', -1, 64), '\n')
}

// nothing is the exporter without samples.
const nothing = "nothing"

// replay serves recordings of a cluster.
type replay struct {
	nodes, podsPerNode int
	reported           map[string]bool // what kube-state-metrics is told to expose
	started            time.Time

	recordings map[string]*recording
}

// newReplay reads the recordings.
func newReplay(nodes, podsPerNode int, reported map[string]bool) (*replay, error) {
	r := &replay{nodes: nodes, podsPerNode: podsPerNode, reported: reported, started: time.Now(), recordings: map[string]*recording{}}
	for _, exporter := range []string{"kubelet", "cadvisor", "node-exporter", "kube-apiserver", "kube-state-metrics"} {
		var err error
		if r.recordings[exporter], err = load(exporter, exporter == "kube-state-metrics"); err != nil {
			return nil, err
		}
	}
	return r, nil
}

// ServeHTTP answers /EXPORTER/NODE; that of kube-state-metrics is about all nodes.
func (r *replay) ServeHTTP(response http.ResponseWriter, request *http.Request) {
	exporter, number, _ := strings.Cut(strings.Trim(request.URL.Path, "/"), "/")
	recorded, node := r.recordings[exporter], 0
	switch {
	case exporter == nothing:
		return
	case recorded == nil:
		http.NotFound(response, request)
		return
	}
	node, _ = strconv.Atoi(number)
	nodes, reported := 1, map[string]bool(nil)
	if exporter == "kube-state-metrics" {
		nodes, reported = r.nodes, r.reported
	}
	response.Header().Set("Content-Type", "text/plain; version=0.0.4")
	step := float64(time.Since(r.started) / *interval)                       // whole, as counters are
	_ = recorded.write(response, node, nodes, r.podsPerNode, step, reported) // the server ends scrapes when it stops
}

// samples returns the number of samples of an exposition.
func (r *replay) samples(exporter string) (int, error) {
	nodes, reported := 1, map[string]bool(nil)
	if exporter == "kube-state-metrics" {
		nodes, reported = r.nodes, r.reported
	}
	var b bytes.Buffer
	if err := r.recordings[exporter].write(&b, 0, nodes, r.podsPerNode, 0, reported); err != nil {
		return 0, err
	}
	samples := 0
	for line := range bytes.Lines(b.Bytes()) {
		if line[0] != '#' {
			samples++
		}
	}
	return samples, nil
}
