package directorysize

import (
	"bytes"
	"fmt"
	"io"
	"maps"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/prometheus/common/expfmt"
	"github.com/prometheus/common/model"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// scanner is a running scan.sh.
type scanner struct {
	*exec.Cmd
	settings Settings
	log      *bytes.Buffer
}

// start runs the scanner as its container does, with only busybox in PATH.
func start(t *testing.T, s Settings, user uint32, directories ...string) *scanner {
	t.Helper()
	busybox, err := exec.LookPath("busybox")
	require.NoError(t, err, "Debian has it in busybox-static")
	scripts := t.TempDir()
	require.NoError(t, os.Chmod(filepath.Dir(scripts), 0o755)) // so that user can read what is in it
	for name, text := range Scripts {
		require.NoError(t, os.WriteFile(filepath.Join(scripts, name), []byte(text), 0o644))
	}
	s.Out = t.TempDir()
	require.NoError(t, os.Chown(s.Out, int(user), -1))
	if s.Timeout == 0 {
		s.Timeout = time.Minute
	}
	c := exec.Command(busybox, Command(scripts, directories)...)
	c.Env = []string{"PATH=" + applets(t, busybox)}
	for name, value := range s.Env() {
		c.Env = append(c.Env, name+"="+value)
	}
	c.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	if user != uint32(os.Getuid()) {
		c.SysProcAttr.Credential = &syscall.Credential{Uid: user, Gid: user}
	}
	log := &bytes.Buffer{}
	c.Stderr = log
	c.WaitDelay = 5 * time.Second
	require.NoError(t, c.Start())
	t.Cleanup(func() {
		if c.ProcessState == nil {
			_ = c.Process.Signal(syscall.SIGTERM)
			_ = c.Wait()
		}
		// The shell loses a signal that it passes on to a child it has just forked. In a container,
		// every process ends with the shell.
		_ = syscall.Kill(-c.Process.Pid, syscall.SIGKILL)
	})
	return &scanner{c, s, log}
}

// applets returns a directory with a link to busybox for each of its applets, as in its image.
func applets(t *testing.T, busybox string) string {
	t.Helper()
	list, err := exec.Command(busybox, "--list").Output()
	require.NoError(t, err)
	folder := t.TempDir()
	for _, name := range strings.Fields(string(list)) {
		require.NoError(t, os.Symlink(busybox, filepath.Join(folder, name)))
	}
	return folder
}

// parse reads a metrics page as Prometheus does, and returns its values by metric and path.
func parse(t *testing.T, page []byte) map[string]map[string]float64 {
	t.Helper()
	parser := expfmt.NewTextParser(model.UTF8Validation)
	families, err := parser.TextToMetricFamilies(bytes.NewReader(page))
	require.NoError(t, err, "%s", page)
	values := map[string]map[string]float64{}
	for name, family := range families {
		assert.NotEmpty(t, family.GetHelp(), name)
		values[name] = map[string]float64{}
		for _, metric := range family.GetMetric() {
			require.Len(t, metric.GetLabel(), 1)
			require.Equal(t, "path", metric.GetLabel()[0].GetName())
			values[name][metric.GetLabel()[0].GetValue()] = metric.GetGauge().GetValue()
		}
	}
	return values
}

const (
	bytesMetric     = "node_directory_size_bytes"
	successMetric   = "node_directory_size_scan_success"
	durationMetric  = "node_directory_size_scan_duration_seconds"
	timestampMetric = "node_directory_size_scan_timestamp_seconds"
)

// until waits until wanted accepts the metrics page, and returns the page.
func (s *scanner) until(t *testing.T, what string, wanted func(map[string]map[string]float64) bool) map[string]map[string]float64 {
	t.Helper()
	var last []byte
	for deadline := time.Now().Add(30 * time.Second); time.Now().Before(deadline); time.Sleep(20 * time.Millisecond) {
		page, err := os.ReadFile(filepath.Join(s.settings.Out, "metrics.prom"))
		if os.IsNotExist(err) {
			continue // not yet started
		}
		require.NoError(t, err)
		if last = page; wanted(parse(t, page)) {
			return parse(t, page)
		}
	}
	require.Fail(t, "never "+what, "last page:\n%s\nlog:\n%s", last, s.log)
	return nil
}

// scanned waits until each directory has been scanned once, and returns the metrics page.
func (s *scanner) scanned(t *testing.T, directories ...string) map[string]map[string]float64 {
	t.Helper()
	return s.until(t, "scanned", func(page map[string]map[string]float64) bool {
		return len(page[successMetric]) == len(directories)
	})
}

// write creates a file of size bytes, and its parent directories.
func write(t *testing.T, path string, size int) {
	t.Helper()
	require.NoError(t, os.MkdirAll(filepath.Dir(path), 0o755))
	require.NoError(t, os.WriteFile(path, bytes.Repeat([]byte("x"), size), 0o644))
}

// du returns the sizes that GNU du reports, which can end names with NUL.
func du(t *testing.T, host, directory string, depth int) map[string]float64 {
	t.Helper()
	output, err := exec.Command("du", "--block-size=1024", "-x", "-0", "-d", strconv.Itoa(depth), host+directory).Output()
	require.NoError(t, err)
	sizes := map[string]float64{}
	for record := range strings.SplitSeq(strings.TrimSuffix(string(output), "\x00"), "\x00") {
		size, path, _ := strings.Cut(record, "\t")
		n, err := strconv.ParseFloat(size, 64)
		require.NoError(t, err)
		sizes[strings.TrimPrefix(path, host)] = n * 1024
	}
	return sizes
}

func TestSizesAreThoseOfDu(t *testing.T) {
	host := t.TempDir()
	for _, path := range []string{
		"a/b/c/deep", "with space/f", `quo"te/f`, `back\slash/f`, `\n/f`, "new\nline/f", "\n/f", "{},=#/f", "été/写真/f", "tab\t/f", "-x/f",
		// Names with a line that looks like a record of du.
		"12\n4\t" + host + "/var/fake/f", "12\n4\t/host/./var/f",
	} {
		write(t, filepath.Join(host, "var", path), 100<<10)
	}
	write(t, filepath.Join(host, "elsewhere", "f"), 5<<20)
	require.NoError(t, os.Symlink("../elsewhere", filepath.Join(host, "var", "link")))
	require.NoError(t, os.Link(filepath.Join(host, "var/a/b/c/deep"), filepath.Join(host, "var/a/b/c/again")))
	sparse, err := os.Create(filepath.Join(host, "var/a/sparse"))
	require.NoError(t, err)
	require.NoError(t, sparse.Truncate(1<<30))
	require.NoError(t, sparse.Close())
	write(t, filepath.Join(host, "opt", "f"), 1)

	for _, depth := range []int{0, 1, 2, 5} {
		t.Run(fmt.Sprintf("depth %d", depth), func(t *testing.T) {
			page := start(t, Settings{Host: host, Depth: depth, Interval: time.Hour}, uint32(os.Getuid()), "/var", "/opt").scanned(t, "/var", "/opt")
			want := du(t, host, "/var", depth)
			maps.Copy(want, du(t, host, "/opt", depth))
			assert.Equal(t, want, page[bytesMetric])
			assert.Equal(t, map[string]float64{"/var": 1, "/opt": 1}, page[successMetric])
			for _, path := range []string{"/var", "/opt"} {
				assert.InDelta(t, 0, page[durationMetric][path], 30)
				assert.InDelta(t, float64(time.Now().Unix()), page[timestampMetric][path], 30)
			}
		})
	}
}

func TestSmallDirectoriesAreNotReported(t *testing.T) {
	host := t.TempDir()
	write(t, host+"/var/large/f", 300<<10)
	write(t, host+"/var/small/f", 100<<10)
	sizes := du(t, host, "/var", 2)
	threshold := int64(sizes["/var/large"])
	page := start(t, Settings{Host: host, Depth: 2, Threshold: threshold, Interval: time.Hour}, uint32(os.Getuid()), "/var").scanned(t, "/var")
	delete(sizes, "/var/small")
	assert.Equal(t, sizes, page[bytesMetric], "at the threshold and above")
}

func TestNamesThatAreNotUTF8(t *testing.T) {
	host := t.TempDir()
	want := []string{"/var"}
	for name, label := range map[string]string{
		"\xff":                         `\xff`,
		"a\x80b":                       `a\x80b`,
		"cut \xe5\x86":                 `cut \xe5\x86`,
		"overlong \xc0\xaf":            `overlong \xc0\xaf`,
		"overlong \xe0\x80\xaf":        `overlong \xe0\x80\xaf`,
		"surrogate \xed\xa0\x80":       `surrogate \xed\xa0\x80`,
		"beyond \xf4\x90\x80\x80":      `beyond \xf4\x90\x80\x80`,
		"last \xf4\x8f\xbf\xbf":        "last \xf4\x8f\xbf\xbf",
		"bell \a, delete \x7f\r":       "bell \a, delete \x7f\r",
		"first \u0080\u0800\U00010000": "first \u0080\u0800\U00010000",
	} {
		write(t, filepath.Join(host, "var", name, "f"), 1)
		want = append(want, "/var/"+label)
	}
	page := start(t, Settings{Host: host, Depth: 1, Interval: time.Hour}, uint32(os.Getuid()), "/var").scanned(t, "/var")
	assert.ElementsMatch(t, want, slices.Collect(maps.Keys(page[bytesMetric])))
}

func TestOtherFileSystemsAreLeftOut(t *testing.T) {
	var dev, shm syscall.Stat_t
	require.NoError(t, syscall.Stat("/dev", &dev))
	require.NoError(t, syscall.Stat("/dev/shm", &shm))
	require.NotEqual(t, dev.Dev, shm.Dev, "this test needs a file system mounted in another")
	big, err := os.CreateTemp("/dev/shm", "directorysize")
	require.NoError(t, err)
	t.Cleanup(func() { _ = os.Remove(big.Name()) })
	_, err = big.Write(make([]byte, 4<<20))
	require.NoError(t, err)

	page := start(t, Settings{Depth: 2, Interval: time.Hour}, uint32(os.Getuid()), "/dev").scanned(t, "/dev")
	assert.Less(t, page[bytesMetric]["/dev"], float64(4<<20))
	assert.NotContains(t, page[bytesMetric], "/dev/shm")
}

func TestTheRootDirectory(t *testing.T) {
	host := t.TempDir()
	write(t, host+"/usr/lib/f", 100<<10)
	page := start(t, Settings{Host: host, Depth: 1, Interval: time.Hour}, uint32(os.Getuid()), "/").scanned(t, "/")
	sizes := du(t, host, "/", 1)
	assert.Equal(t, map[string]float64{"/": sizes["/"], "/usr": sizes["/usr"]}, page[bytesMetric])
}

func TestMissingDirectory(t *testing.T) {
	host := t.TempDir()
	write(t, host+"/var/f", 1)
	s := start(t, Settings{Host: host, Interval: time.Hour}, uint32(os.Getuid()), "/gone", "/var")
	page := s.scanned(t, "/gone", "/var")
	assert.Equal(t, map[string]float64{"/gone": 0, "/var": 1}, page[successMetric])
	assert.Equal(t, []string{"/var"}, slices.Collect(maps.Keys(page[bytesMetric])))
	assert.Equal(t, "/gone: not a directory of this node\n", s.end(t))
}

func TestUnreadableDirectory(t *testing.T) {
	host := t.TempDir()
	write(t, host+"/var/open/f", 100<<10)
	write(t, host+"/var/closed/f", 1)
	require.NoError(t, os.Chmod(host+"/var/closed", 0))
	t.Cleanup(func() { _ = os.Chmod(host+"/var/closed", 0o755) })
	user := uint32(os.Getuid())
	if user == 0 {
		user = 65534 // because root may read everything
	}
	s := start(t, Settings{Host: host, Depth: 1, Interval: time.Hour}, user, "/var")
	page := s.scanned(t, "/var")
	assert.Equal(t, map[string]float64{"/var": 0}, page[successMetric], "an incomplete scan is a failed one")
	assert.Equal(t, du(t, host, "/var/open", 0)["/var/open"], page[bytesMetric]["/var/open"], "what could be measured is reported")
	assert.Contains(t, s.end(t), "Permission denied")
}

// du returns the process ID of the scanner's du, or 0 if none runs.
func (s *scanner) du(t *testing.T) int {
	t.Helper()
	children, err := os.ReadFile(fmt.Sprintf("/proc/%[1]d/task/%[1]d/children", s.Process.Pid))
	require.NoError(t, err)
	found := 0
	for child := range strings.FieldsSeq(string(children)) {
		command, err := os.ReadFile("/proc/" + child + "/cmdline")
		if err != nil || !bytes.HasPrefix(command, []byte("du\x00")) {
			continue
		}
		require.Zero(t, found, "two scans at a time")
		found, err = strconv.Atoi(child)
		require.NoError(t, err)
	}
	return found
}

// stop pauses a running du, as a disk that does not respond would.
func (s *scanner) stop(t *testing.T) int {
	t.Helper()
	for deadline := time.Now().Add(30 * time.Second); time.Now().Before(deadline); {
		if pid := s.du(t); pid != 0 && syscall.Kill(pid, syscall.SIGSTOP) == nil {
			return pid
		}
	}
	require.Fail(t, "no du seen")
	return 0
}

// many creates a directory that takes du long enough for a test to see du run.
func many(t *testing.T, host string) {
	t.Helper()
	for i := range 20 {
		for j := range 500 {
			write(t, fmt.Sprintf("%s/var/%d/%d", host, i, j), 1)
		}
	}
}

func TestSlowScanIsEndedAndKeepsTheSizesBefore(t *testing.T) {
	host := t.TempDir()
	many(t, host)
	s := start(t, Settings{Host: host, Depth: 1, Timeout: 2 * time.Second}, uint32(os.Getuid()), "/var")
	before := s.scanned(t, "/var")
	s.stop(t)
	page := s.until(t, "timed out", func(page map[string]map[string]float64) bool { return page[successMetric]["/var"] == 0 })
	assert.GreaterOrEqual(t, page[durationMetric]["/var"], 1.0)
	assert.Less(t, page[durationMetric]["/var"], 60.0)
	assert.Equal(t, before[bytesMetric], page[bytesMetric])
	s.until(t, "recovered", func(page map[string]map[string]float64) bool { return page[successMetric]["/var"] == 1 })
	assert.Contains(t, s.end(t), "/var: scan ended by signal 9; the limit is 2s")
}

// end terminates the scanner and returns its log.
func (s *scanner) end(t *testing.T) string {
	t.Helper()
	require.NoError(t, s.Process.Signal(syscall.SIGTERM))
	asked := time.Now()
	err := s.Wait()
	assert.Less(t, time.Since(asked), 30*time.Second, "it has the lowest priority, and does not wait for the next scan")
	if status, ok := s.ProcessState.Sys().(syscall.WaitStatus); assert.True(t, ok) {
		assert.False(t, status.Signaled(), "%v", err)
	}
	return s.log.String()
}

func TestEndsOnSIGTERM(t *testing.T) {
	host := t.TempDir()
	many(t, host)
	t.Run("between scans", func(t *testing.T) {
		s := start(t, Settings{Host: host, Interval: time.Hour}, uint32(os.Getuid()), "/var")
		s.scanned(t, "/var")
		s.end(t)
	})
	t.Run("during a scan", func(t *testing.T) {
		s := start(t, Settings{Host: host, Timeout: time.Hour}, uint32(os.Getuid()), "/var")
		du := s.stop(t)
		s.end(t)
		require.NoError(t, syscall.Kill(du, syscall.SIGCONT), "SIGTERM waits for the stopped du")
		assert.Eventually(t, func() bool { return syscall.Kill(du, 0) == syscall.ESRCH }, 5*time.Second, 10*time.Millisecond, "du goes on")
	})
}

func TestScansYield(t *testing.T) {
	host := t.TempDir()
	many(t, host)
	s := start(t, Settings{Host: host, Timeout: time.Hour}, uint32(os.Getuid()), "/var")
	du := s.stop(t)
	priority, err := exec.Command("busybox", "ionice", "-p", strconv.Itoa(du)).Output()
	require.NoError(t, err)
	assert.Contains(t, string(priority), "idle")
	nice, err := syscall.Getpriority(syscall.PRIO_PROCESS, du)
	require.NoError(t, err)
	assert.Equal(t, 20-19, nice, "the system call returns 20 less the niceness")
	require.NoError(t, syscall.Kill(du, syscall.SIGKILL))
}

func TestScansAreNeverTwoAtATime(t *testing.T) {
	host := t.TempDir()
	many(t, host)
	s := start(t, Settings{Host: host}, uint32(os.Getuid()), "/var", "/var/1", "/var/2")
	s.scanned(t, "/var", "/var/1", "/var/2")
	seen := map[int]bool{}
	for deadline := time.Now().Add(time.Minute); len(seen) < 5 && time.Now().Before(deadline); {
		if pid := s.du(t); pid != 0 {
			seen[pid] = true
		}
	}
	assert.GreaterOrEqual(t, len(seen), 5)
}

// A page that is read while the file is replaced by a longer or shorter one is complete.
func TestServesWholePages(t *testing.T) {
	host := t.TempDir()
	write(t, host+"/var/f", 1)
	s := start(t, Settings{Host: host, Depth: 1}, uint32(os.Getuid()), "/var")
	s.scanned(t, "/var")
	address := serve(t, s)

	stop := make(chan struct{})
	done := make(chan struct{})
	go func() {
		defer close(done)
		for i := 0; ; i++ {
			select {
			case <-stop:
				return
			default:
			}
			for j := range 300 {
				path := fmt.Sprintf("%s/var/a directory with a rather long name, number %d", host, j)
				if i%2 == 0 {
					_ = os.Mkdir(path, 0o755)
				} else {
					_ = os.Remove(path)
				}
			}
			time.Sleep(20 * time.Millisecond)
		}
	}()
	lengths := map[int]bool{}
	for range 300 {
		response, err := http.Get(address)
		require.NoError(t, err)
		page, err := io.ReadAll(response.Body)
		require.NoError(t, err)
		require.NoError(t, response.Body.Close())
		require.Equal(t, http.StatusOK, response.StatusCode)
		require.Equal(t, "text/plain; version=0.0.4; charset=utf-8", response.Header.Get("Content-Type"))
		require.True(t, bytes.HasSuffix(page, []byte("\n# EOF\n")), "%s", page)
		require.Contains(t, parse(t, page)[bytesMetric], "/var")
		lengths[len(page)] = true
	}
	close(stop)
	<-done
	assert.Greater(t, len(lengths), 1, "the file never changed")
}

// serve runs httpd as its container does, and returns the URL of the metrics page.
func serve(t *testing.T, s *scanner) string {
	t.Helper()
	home := t.TempDir()
	require.NoError(t, os.Mkdir(home+"/cgi-bin", 0o755))
	require.NoError(t, os.WriteFile(home+"/cgi-bin/metrics", []byte(CGI), 0o755))
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	address := listener.Addr().String()
	require.NoError(t, listener.Close())
	httpd := exec.Command("busybox", "httpd", "-f", "-p", address, "-h", home)
	httpd.Env = append(os.Environ(), "OUT="+s.settings.Out)
	require.NoError(t, httpd.Start())
	t.Cleanup(func() {
		_ = httpd.Process.Kill()
		_ = httpd.Wait()
	})
	url := "http://" + address + "/cgi-bin/metrics"
	require.Eventually(t, func() bool {
		response, err := http.Get(url)
		return err == nil && response.Body.Close() == nil
	}, 5*time.Second, 20*time.Millisecond)
	return url
}
