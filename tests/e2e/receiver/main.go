// Command receiver stands for what a stack sends to: for Slack's incoming webhooks, below /services/
// (https://api.slack.com/messaging/webhooks), and for receivers of remote write, below /write/
// (https://prometheus.io/docs/specs/prw/remote_write_spec/). It responds as these do, prints each
// message for Slack as a line of JSON and discards samples. It listens on the address in its argument.
//
// A line of its standard input, PATH STATUS DELAY such as "/write/a 503 5s", has it answer requests
// below that path with that status, after that delay; status 200 is the usual answer. At the end of the
// input it exits.
package main

import (
	"bufio"
	"encoding/json"
	"fmt"
	"io"
	"log"
	"net/http"
	"os"
	"strings"
	"sync"
	"time"
)

type message struct {
	Channel     string       `json:"channel"`
	Attachments []attachment `json:"attachments"`
}

type attachment struct {
	Title    string `json:"title"`
	Text     string `json:"text"`
	Fallback string `json:"fallback"`
	Color    string `json:"color"`
}

// answer is how requests are answered.
type answer struct {
	status int
	delay  time.Duration
}

// answers holds how requests below each path are answered, where that is not as usual.
type answers struct {
	mu    sync.Mutex
	below map[string]answer
}

// set takes a line of the standard input.
func (a *answers) set(line string) error {
	var path, delay string
	var next answer
	if _, err := fmt.Sscan(line, &path, &next.status, &delay); err != nil {
		return fmt.Errorf("%q; want PATH STATUS DELAY: %w", line, err)
	}
	var err error
	if next.delay, err = time.ParseDuration(delay); err != nil {
		return err
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	a.below[path] = next
	return nil
}

func (a *answers) of(path string) answer {
	a.mu.Lock()
	defer a.mu.Unlock()
	for below, answer := range a.below {
		if strings.HasPrefix(path, below) {
			return answer
		}
	}
	return answer{status: http.StatusOK}
}

func main() {
	if len(os.Args) != 2 {
		log.Fatal("usage: receiver HOST:PORT")
	}
	all := &answers{below: map[string]answer{}}
	go func() {
		commands := bufio.NewScanner(os.Stdin)
		for commands.Scan() {
			if err := all.set(commands.Text()); err != nil {
				log.Fatal(err)
			}
		}
		os.Exit(0)
	}()
	mux := http.NewServeMux()
	mux.HandleFunc("/services/", notify)
	mux.HandleFunc("/write/", func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusNoContent) })
	handler := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		answer := all.of(r.URL.Path)
		if answer.delay > 0 {
			_, _ = io.Copy(io.Discard, r.Body)
			time.Sleep(answer.delay)
		}
		if answer.status != http.StatusOK {
			http.Error(w, "fatal_error", answer.status)
			return
		}
		mux.ServeHTTP(w, r)
	})
	server := &http.Server{Addr: os.Args[1], Handler: handler, ReadTimeout: 10 * time.Second}
	log.Fatal(server.ListenAndServe())
}

// notify takes a message for Slack.
func notify(w http.ResponseWriter, r *http.Request) {
	var m message
	err := json.NewDecoder(r.Body).Decode(&m)
	if err != nil || r.Method != http.MethodPost || r.Header.Get("Content-Type") != "application/json" ||
		m.Channel == "" || len(m.Attachments) == 0 || m.Attachments[0].Fallback == "" {
		http.Error(w, "invalid_payload", http.StatusBadRequest)
		return
	}
	line, err := json.Marshal(map[string]any{"path": r.URL.Path, "from": r.RemoteAddr, "message": m})
	if err != nil {
		http.Error(w, "fatal_error", http.StatusInternalServerError)
		return
	}
	fmt.Println(string(line))
	fmt.Fprint(w, "ok")
}
