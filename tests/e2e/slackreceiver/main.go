// Command slackreceiver is a fake of Slack's incoming webhooks
// (https://api.slack.com/messaging/webhooks). It responds as Slack does and prints each
// accepted message as a line of JSON. It listens on the address in its argument. Between the
// lines "fail" and "work" of its standard input it answers with an error, and at the end of the
// input it exits.
package main

import (
	"bufio"
	"encoding/json"
	"fmt"
	"log"
	"net/http"
	"os"
	"sync/atomic"
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

var failing atomic.Bool

func main() {
	if len(os.Args) != 2 {
		log.Fatal("usage: slackreceiver HOST:PORT")
	}
	go func() {
		commands := bufio.NewScanner(os.Stdin)
		for commands.Scan() {
			failing.Store(commands.Text() == "fail")
		}
		os.Exit(0)
	}()
	server := &http.Server{Addr: os.Args[1], Handler: http.HandlerFunc(receive), ReadTimeout: 10 * time.Second}
	log.Fatal(server.ListenAndServe())
}

func receive(w http.ResponseWriter, r *http.Request) {
	if failing.Load() {
		http.Error(w, "fatal_error", http.StatusInternalServerError)
		return
	}
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
