// Package directorysize holds the programs of node-directory-size-metrics:
// shell and awk scripts that need nothing but busybox. One measures
// directories and writes a metrics file, the other serves that file.
package directorysize

import (
	_ "embed"
	"strconv"
	"time"
)

//go:embed scan.sh
var scan string

//go:embed sizes.awk
var sizes string

//go:embed metrics.sh
var metrics string

// Scripts of the scanner, by file name. They go into one folder.
var Scripts = map[string]string{"scan.sh": scan, "sizes.awk": sizes}

// CGI is the script that answers a request for the metrics. Its environment
// has OUT, as in Settings.
var CGI = metrics

// Settings of the scanner.
type Settings struct {
	Out       string        // folder of the metrics file and of what scans leave behind
	Host      string        // where the node's root directory is; empty for /
	Depth     int           // levels of sub-directories that are reported
	Threshold int64         // bytes; smaller directories are not reported
	Interval  time.Duration // whole seconds from the end of a scan to the start of the next
	Timeout   time.Duration // whole seconds that the scan of one directory may take
}

// Env is the scanner's environment.
func (s Settings) Env() map[string]string {
	return map[string]string{
		"OUT":       s.Out,
		"HOST":      s.Host,
		"DEPTH":     strconv.Itoa(s.Depth),
		"THRESHOLD": strconv.FormatInt(s.Threshold, 10),
		"INTERVAL":  seconds(s.Interval),
		"TIMEOUT":   seconds(s.Timeout),
	}
}

func seconds(d time.Duration) string { return strconv.FormatInt(int64(d/time.Second), 10) }

// Command scans directories, each an absolute path on the node, until it is
// ended. It leaves the CPU and the disk to whatever else wants them.
func Command(scripts string, directories []string) []string {
	return append([]string{"sh", scripts + "/scan.sh"}, directories...)
}
