// Command provider is the OpenID Connect provider of package oidc on the local node, and the browser of the
// people who log in with it. It listens on the address in its argument.
//
// Each line of its standard input is a visit in JSON, which it answers with a line of JSON: the pages that a
// person then sees. At the end of the input it exits.
package main

import (
	"context"
	"encoding/json"
	"io"
	"log"
	"net"
	"net/http"
	"net/http/cookiejar"
	"os"
	"time"

	"github.com/kubernetes-prometheus/kubernetes-prometheus/tests/oidc"
)

// visit is what a person opens, one URL after the other. Whoever has no email address does not log in.
type visit struct {
	Email   string   `json:"email"`
	Groups  []string `json:"groups"`
	Address string   `json:"address"` // host:port that stands for the hosts of the URLs
	URLs    []string `json:"urls"`

	Provider string `json:"provider"` // how the provider is from now on: down, refusing to give tokens, or else well
}

// page is what a person sees.
type page struct {
	Status   int    `json:"status"`
	Location string `json:"location,omitempty"`
	Body     string `json:"body"`
}

func main() {
	if len(os.Args) != 2 {
		log.Fatal("usage: provider HOST:PORT")
	}
	address := os.Args[1]
	provider, err := oidc.New("http://"+address, "monitoring", "")
	if err != nil {
		log.Fatal(err)
	}
	server := serve(address, provider.Handler())
	browsers := map[string]*http.Client{} // by email address, with the cookies of earlier visits
	in, out := json.NewDecoder(os.Stdin), json.NewEncoder(os.Stdout)
	for {
		var v visit
		if err := in.Decode(&v); err == io.EOF {
			return
		} else if err != nil {
			log.Fatal(err)
		}
		switch down := v.Provider == "down"; {
		case down && server != nil:
			_ = server.Close()
			server = nil
		case !down && server == nil:
			server = serve(address, provider.Handler())
		}
		provider.Refuse(v.Provider == "refusing")
		if browsers[v.Email] == nil || v.Email == "" {
			browsers[v.Email] = browser(address, v)
		}
		provider.LogIn(oidc.Person{Email: v.Email, Groups: v.Groups})
		pages := []page{}
		for _, url := range v.URLs {
			pages = append(pages, open(browsers[v.Email], url))
		}
		if err := out.Encode(pages); err != nil {
			log.Fatal(err)
		}
	}
}

// serve starts a server, which listens when it returns.
func serve(address string, handler http.Handler) *http.Server {
	listener, err := net.Listen("tcp", address)
	if err != nil {
		log.Fatal(err)
	}
	server := &http.Server{Handler: handler, ReadTimeout: 10 * time.Second}
	go func() {
		if err := server.Serve(listener); err != http.ErrServerClosed {
			log.Fatal(err)
		}
	}()
	return server
}

// browser returns the browser of a person. It reaches every host but the provider's at the address of the visit.
func browser(provider string, v visit) *http.Client {
	jar, err := cookiejar.New(nil)
	if err != nil {
		log.Fatal(err)
	}
	client := &http.Client{Jar: jar, Timeout: 30 * time.Second, Transport: &http.Transport{
		DialContext: func(ctx context.Context, network, address string) (net.Conn, error) {
			if address != provider {
				address = v.Address
			}
			return new(net.Dialer).DialContext(ctx, network, address)
		},
	}}
	if v.Email == "" {
		client.CheckRedirect = func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
	}
	return client
}

// open returns the page at a URL, or one without a status and with the error.
func open(browser *http.Client, url string) page {
	response, err := browser.Get(url)
	if err != nil {
		return page{Body: err.Error()}
	}
	defer response.Body.Close()
	body, err := io.ReadAll(response.Body)
	if err != nil {
		return page{Body: err.Error()}
	}
	return page{response.StatusCode, response.Header.Get("Location"), string(body)}
}
