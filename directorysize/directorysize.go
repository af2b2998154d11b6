// Package directorysize holds the programs of node-directory-size-metrics, shell and awk
// scripts that need only busybox. One measures directories and writes a metrics file, the
// other serves that file.
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

// Scripts holds the scripts of the scanner by file name. They belong in one directory.
var Scripts = map[string]string{"scan.sh": scan, "sizes.awk": sizes}

// CGI is the CGI script that responds to a request for the metrics. It needs OUT in its
// environment, as Settings.Env returns it.
var CGI = metrics

// Settings configures the scanner.
type Settings struct {
	Out       string        // directory of the metrics file and of the scanner's state
	Host      string        // where the node's root directory is mounted; empty for /
	Depth     int           // how many levels of subdirectories are reported
	Threshold int64         // bytes; smaller directories are not reported
	Interval  time.Duration // from the end of a scan to the start of the next, in whole seconds
	Timeout   time.Duration // limit for the scan of one directory, in whole seconds
}

// Env returns the environment variables of the scanner.
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

// Command returns the command that scans directories, which are absolute paths on the node,
// until it is terminated. scripts is the directory of Scripts. The scanner runs with the
// lowest CPU and disk priority.
func Command(scripts string, directories []string) []string {
	return append([]string{"sh", scripts + "/scan.sh"}, directories...)
}
