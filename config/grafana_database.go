package config

import (
	"net"
	"regexp"
	"slices"
	"strings"
)

// GrafanaDatabase is a database on a server that the stack does not deploy. It replaces the file in which
// Grafana otherwise keeps its data, and lets several pods share it:
// https://grafana.com/docs/grafana/latest/setup-grafana/set-up-for-high-availability/
type GrafanaDatabase struct {
	// Kind of server: postgres or mysql. Required.
	Type GrafanaDatabaseType `json:"type"`
	// Host name or IP address of the server, and its port, such as postgres.databases.svc:5432. Required.
	Host string `json:"host"`
	// Name of the database, which exists and in which Grafana creates its tables. Required.
	Name string `json:"name"`
	// User name, of letters, digits, @, ., _ and -. Required.
	User string `json:"user"`
	// Password of the user, without white space around it, and for postgres without any, quotes and backslashes;
	// a secret. Required.
	Password Secret `json:"password"`
	// TLS: disable, require (encrypted, but with any certificate), verify-ca or verify-full for postgres, and
	// false, skip-verify (encrypted, but with any certificate) or true for mysql; verify-full or true unless set.
	SSLMode DatabaseEncryption `json:"sslMode"`
	// Certificates of the authorities that sign the server's, in PEM format, as a secret; those of Grafana's image
	// unless set.
	CA *Secret `json:"ca"`
}

// GrafanaDatabaseType is a kind of database server.
type GrafanaDatabaseType string

// The kinds of servers that Grafana can use.
const (
	Postgres GrafanaDatabaseType = "postgres"
	MySQL    GrafanaDatabaseType = "mysql"
)

func (GrafanaDatabaseType) Values() []string { return []string{string(Postgres), string(MySQL)} }

// DatabaseEncryption is whether and how Grafana encrypts the connection to its database: the option ssl_mode of its
// section database.
type DatabaseEncryption string

// sslModes lists the modes of each kind of server: the first without TLS, the last the strictest.
var sslModes = map[GrafanaDatabaseType][]string{
	Postgres: {"disable", "require", "verify-ca", "verify-full"},
	MySQL:    {"false", "skip-verify", "true"},
}

func (DatabaseEncryption) Values() []string {
	return slices.Concat(sslModes[Postgres], sslModes[MySQL])
}

// Names of the files of a database in SecretFiles.
const (
	DatabasePasswordFile = "database-password"
	DatabaseCAFile       = "database-ca"
)

// databaseName matches names of databases that need no quotes.
var databaseName = regexp.MustCompile(`^[A-Za-z0-9_-]+$`)

// complete sets the mode of TLS unless the stack does.
func (d *GrafanaDatabase) complete() {
	if modes := sslModes[d.Type]; d.SSLMode == "" && modes != nil {
		d.SSLMode = DatabaseEncryption(modes[len(modes)-1])
	}
}

// Encrypts reports whether Grafana uses TLS.
func (d GrafanaDatabase) Encrypts() bool { return string(d.SSLMode) != sslModes[d.Type][0] }

// Server returns the host without its port.
func (d GrafanaDatabase) Server() string {
	host, _, err := net.SplitHostPort(d.Host)
	if err != nil {
		return d.Host
	}
	return host
}

// secretFiles returns the content of the database's files in Grafana's secrets directory, by name.
func (d GrafanaDatabase) secretFiles() map[string]Secret {
	files := map[string]Secret{DatabasePasswordFile: d.Password}
	if d.CA != nil {
		files[DatabaseCAFile] = *d.CA
	}
	return files
}

// unfitPassword says why a value cannot be that of the password; "" if it can.
func (d GrafanaDatabase) unfitPassword(value string) string {
	switch reason := unfitInFile(value); {
	case reason != "":
		return reason
	case d.Type == Postgres && strings.ContainsAny(value, " \t\r\n'\\"):
		return "contains white space, a quote or a backslash, with which Grafana would connect to postgres with another password; allowed: any other characters"
	}
	return ""
}

func (d GrafanaDatabase) validate(at string) Problems {
	var p Problems
	if d.Type == "" {
		p.Addf(at+".type", "missing; allowed: %s", strings.Join(d.Type.Values(), ", "))
	}
	required := func(key, value string, valid bool, allowed string) {
		switch {
		case value == "":
			p.Addf(at+"."+key, "missing; allowed: %s", allowed)
		case !valid:
			p.Addf(at+"."+key, "%q; allowed: %s", value, allowed)
		}
	}
	required("host", d.Host, isHostPort(d.Host) && namePattern.MatchString(d.Host), "host:port, such as postgres.databases.svc:5432")
	required("name", d.Name, databaseName.MatchString(d.Name), "the name of a database of letters, digits, _ and -")
	required("user", d.User, loginPattern.MatchString(d.User), "letters, digits, @, ., _ and -")
	if !d.Password.IsSet() {
		p.missing(at + ".password")
	}
	p.unfit(at+".password", d.Password, d.unfitPassword)
	modes := sslModes[d.Type]
	if modes == nil {
		return p
	}
	if !slices.Contains(modes, string(d.SSLMode)) {
		p.Addf(at+".sslMode", "%q; allowed with %s: %s", d.SSLMode, d.Type, strings.Join(modes, ", "))
	}
	if d.CA == nil {
		return p
	}
	p.unfit(at+".ca", *d.CA, unfitCA)
	if !d.Encrypts() || d.SSLMode == "skip-verify" {
		p.Addf(at+".ca", "has no effect with sslMode: %q, which verifies no certificate; remove one of the two", d.SSLMode)
	}
	return p
}
